#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tools/shmtool.h"
#include "tools/top.h"

enum { PLAIN, GREEN, YELLOW, RED, HEADING };
enum { NAME_W = 16, BAR_W = 10, SHORT = 16 };

static bool utf8;
static enum { NORMAL, FILTERING, CONFIRMING, HELPING } mode;

const char *top_screen_built(void)
{
	return NULL;
}

bool top_screen_open(void)
{
	setlocale(LC_CTYPE, "");
	utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || getenv("TERM") == NULL)
		return false;
	if (newterm(NULL, stdout, stdin) == NULL)
		return false;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(50);
	if (has_colors()) {
		start_color();
		use_default_colors();
		init_pair(GREEN, COLOR_GREEN, -1);
		init_pair(YELLOW, COLOR_YELLOW, -1);
		init_pair(RED, COLOR_RED, -1);
	}
	return true;
}

void top_screen_close(void)
{
	endwin();
}

// ------------------------------------------------------------------------------------------------ drawing

// At most `width` columns of text, padded; negative: to the right.
static void text_at(int y, int x, int width, const char *text)
{
	int w = abs(width);
	if (x >= COLS)
		return;
	w = x + w > COLS ? COLS - x : w;
	mvprintw(y, x, width < 0 ? "%*.*s" : "%-*.*s", w, w, text);
}

static const char *rate(double v, char buf[SHORT])
{
	if (v >= 999500)
		snprintf(buf, SHORT, "%.3gM", v / 1e6);
	else if (v >= 999.5)
		snprintf(buf, SHORT, "%.3gk", v / 1e3);
	else
		snprintf(buf, SHORT, "%.0f", v);
	return buf;
}

static const char *span(uint64_t ns, char buf[SHORT])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double v = (double)ns;
	unsigned u = 0;
	for (; v >= 999.5 && u < 3; u++)
		v /= 1000;
	snprintf(buf, SHORT, "%.3g%s", v, units[u]);
	return buf;
}

static const char *bytes(uint64_t n, char buf[SHORT])
{
	static const char units[] = "BKMGT";
	double v = (double)n;
	unsigned u = 0;
	for (; v >= 999.5 && u < 4; u++)
		v /= 1024;
	snprintf(buf, SHORT, "%.3g%c", v, units[u]);
	return buf;
}

static int shade(double load)
{
	return COLOR_PAIR(load >= 0.75 ? RED : load >= 0.4 ? YELLOW : GREEN);
}

static void draw_bar(int y, int x, const struct sample_chan *s)
{
	double used =
		s->c.capacity != 0 ? (double)(s->c.stat.depth + s->c.stat.in_flight) / s->c.capacity : 0;
	int full = (int)ceil(fmin(used, 1) * BAR_W);
	attron(shade(s->load));
	for (int i = 0; i < BAR_W; i++)
		mvaddstr(y, x + i, i < full ? "#" : ".");
	attroff(shade(s->load));
}

static void draw_trend(int y, int x, const struct top *t, const struct top_chan *c)
{
	static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
					     "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const ascii[] = {".", ".", ":", "-", "=", "+", "*", "#"};
	unsigned room = x < COLS ? (unsigned)(COLS - x) : 0;
	unsigned cnt = t->looks < TOP_TREND ? t->looks : TOP_TREND;
	cnt = cnt < room ? cnt : room;
	for (unsigned i = 0; i < cnt; i++) {
		float load = c->trend[(t->looks - cnt + i) % TOP_TREND];
		unsigned level = (unsigned)fmin(7, load * 8);
		attron(shade(load));
		mvaddstr(y, x + (int)i, utf8 ? blocks[level] : ascii[level]);
		attroff(shade(load));
	}
}

// Columns of the channel table; the trend takes what is left.
static const struct {
	const char *heading;
	int width; // negative: to the right
} chan_cols[] = {{"CHANNEL", NAME_W}, {"LOAD", BAR_W}, {"DEPTH", -6}, {"OF", -6},  {"FLIGHT", -6},
		 {"IN/S", -5},        {"OUT/S", -5},   {"P50", -6},   {"P99", -6}, {"TREND", 8}};

static void chan_headings(int y)
{
	int x = 0;
	attron(A_REVERSE);
	mvhline(y, 0, ' ', COLS);
	for (unsigned i = 0; i < sizeof chan_cols / sizeof *chan_cols; i++) {
		text_at(y, x, chan_cols[i].width, chan_cols[i].heading);
		x += abs(chan_cols[i].width) + 1;
	}
	attroff(A_REVERSE);
}

static void draw_chan(int y, const struct top *t, unsigned i)
{
	const struct top_chan *c = &t->chans[i];
	const struct sample_chan *s = &t->sample.chans[i];
	char in[SHORT], out[SHORT], p50[SHORT] = "-", p99[SHORT] = "-", number[3][24];
	int x = 0;

	if (c->has_wait) {
		span(c->wait_p50, p50);
		span(c->wait_p99, p99);
	}
	snprintf(number[0], sizeof number[0], "%" PRIu64, s->c.stat.depth);
	snprintf(number[1], sizeof number[1], "%u", s->c.capacity);
	snprintf(number[2], sizeof number[2], "%" PRIu64, s->c.stat.in_flight);
	const char *cells[] = {
		s->c.name, "", number[0], number[1], number[2], rate(s->in_rate, in), rate(s->out_rate, out),
		p50,       p99};
	for (unsigned k = 0; k < sizeof cells / sizeof *cells; k++) {
		if (k == 1)
			draw_bar(y, x, s);
		else
			text_at(y, x, chan_cols[k].width, cells[k]);
		x += abs(chan_cols[k].width) + 1;
	}
	draw_trend(y, x, t, c);
}

static void draw_service(int y, const struct top *t, unsigned i)
{
	const struct top_service *s = &t->services[i];
	char line[128], rss[SHORT], pid[16] = "-";
	if (s->p.alive)
		snprintf(pid, sizeof pid, "%d", s->p.pid);
	snprintf(line, sizeof line, "%-20.20s %8s  %-10s %5.1f %7s %9u  %s", s->p.name, pid,
		 shmtool_proc_state(s->p.state), s->cpu_share * 100, bytes(s->rss_bytes, rss),
		 s->p.incarnation > 1 ? s->p.incarnation - 1 : 0, s->p.asleep ? "asleep" : "");
	if (i == t->selected)
		attron(A_BOLD | A_UNDERLINE);
	text_at(y, 0, COLS, line);
	attroff(A_BOLD | A_UNDERLINE);
}

static void draw_head(const struct top *t)
{
	static const char *const sorts[TOP_SORT_CNT] = {"name", "load", "rate", "waiting time"};
	char line[200];
	unsigned alive = 0, respawns = 0;
	for (unsigned i = 0; i < t->service_cnt; i++) {
		alive += t->services[i].p.alive;
		respawns += t->services[i].p.incarnation > 1 ? t->services[i].p.incarnation - 1 : 0;
	}
	snprintf(line, sizeof line, "%s  services %u/%u  respawns %u  dead letters %" PRIu64 "  by %s%s%s",
		 t->group.name, alive, t->service_cnt, respawns, t->dead_letters, sorts[t->sort],
		 t->filter[0] != '\0' ? "  /" : "", t->filter);
	attron(A_BOLD);
	text_at(0, 0, COLS, line);
	attroff(A_BOLD);
}

static void draw_foot(const struct top *t, const char *message)
{
	char line[200];
	if (mode == FILTERING)
		snprintf(line, sizeof line, "channels whose name contains: %s_", t->filter);
	else if (mode == CONFIRMING)
		snprintf(line, sizeof line, "kill %s with SIGKILL? y/n", t->services[t->selected].p.name);
	else
		snprintf(line, sizeof line, "%s",
			 message[0] != '\0' ? message
					    : "q quit  s sort  / filter  up/down service  k kill  h help");
	text_at(LINES - 1, 0, COLS, line);
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"q         quit",
		"s         sort channels by name, load, rate, waiting time",
		"/         show only channels whose name contains what is typed; enter ends, escape clears",
		"page up, page down   scroll the channels",
		"up, down  choose a service",
		"k         kill that service; the supervisor starts it again if its policy says so",
		"space     look now",
		"",
		"LOAD      cells in use; green to red also by how soon the channel is full",
		"P50, P99  waiting time of sampled messages (--probes, or probe attach)",
		"TREND     load at the last looks, the latest on the right",
		"",
		"any key goes back",
	};
	for (int i = 0; i < (int)(sizeof lines / sizeof *lines) && i < LINES; i++)
		text_at(i, 0, COLS, lines[i]);
}

// Lines for services: all of them if they fit into half of the screen.
static unsigned service_lines(const struct top *t)
{
	int half = (LINES - 4) / 2;
	return (int)t->service_cnt < half ? t->service_cnt : half > 0 ? (unsigned)half : 0;
}

static unsigned chan_lines(const struct top *t)
{
	int lines = LINES - 4 - (int)service_lines(t);
	return lines > 0 ? (unsigned)lines : 0;
}

void top_screen_draw(const struct top *t, const char *message)
{
	unsigned chans = chan_lines(t), services = service_lines(t);
	unsigned first = t->selected >= services ? t->selected - services + 1 : 0;

	erase();
	if (mode == HELPING) {
		draw_help();
		refresh();
		return;
	}
	draw_head(t);
	chan_headings(1);
	for (unsigned i = 0; i < chans && t->first + i < t->order_cnt; i++)
		draw_chan(2 + (int)i, t, t->order[t->first + i]);
	attron(A_REVERSE);
	mvhline(2 + (int)chans, 0, ' ', COLS);
	text_at(2 + (int)chans, 0, COLS, "SERVICE                   PID  STATE       CPU%     RSS  RESPAWNS");
	attroff(A_REVERSE);
	for (unsigned i = 0; i < services && first + i < t->service_cnt; i++)
		draw_service(3 + (int)(chans + i), t, first + i);
	draw_foot(t, message);
	refresh();
}

// --------------------------------------------------------------------------------------------------- keys

static void filter_key(struct top *t, int key)
{
	size_t len = strlen(t->filter);
	if (key == '\n' || key == KEY_ENTER) {
		mode = NORMAL;
	} else if (key == 27) {
		t->filter[0] = '\0';
		mode = NORMAL;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && len > 0) {
		t->filter[len - 1] = '\0';
	} else if (key > ' ' && key < 127 && len + 1 < sizeof t->filter) {
		t->filter[len] = (char)key;
		t->filter[len + 1] = '\0';
	}
	top_arrange(t);
}

static enum top_act normal_key(struct top *t, int key, bool *look_now)
{
	unsigned page = chan_lines(t) > 1 ? chan_lines(t) - 1 : 1;
	switch (key) {
	case 'q':
		return TOP_QUIT;
	case 's':
		t->sort = (t->sort + 1) % TOP_SORT_CNT;
		top_arrange(t);
		break;
	case '/':
		mode = FILTERING;
		break;
	case 'h':
	case '?':
		mode = HELPING;
		break;
	case 'k':
		if (t->service_cnt != 0)
			mode = CONFIRMING;
		break;
	case ' ':
		*look_now = true;
		break;
	case KEY_UP:
		t->selected -= t->selected > 0;
		break;
	case KEY_DOWN:
		t->selected += t->selected + 1 < t->service_cnt;
		break;
	case KEY_NPAGE:
		t->first += t->first + page < t->order_cnt ? page : 0;
		break;
	case KEY_PPAGE:
		t->first -= t->first > page ? page : t->first;
		break;
	}
	return TOP_GO_ON;
}

enum top_act top_screen_key(struct top *t, double seconds, bool *look_now)
{
	int key;
	timeout((int)ceil(seconds * 1000));
	key = getch();
	if (key == ERR || key == KEY_RESIZE)
		return TOP_GO_ON;
	switch (mode) {
	case FILTERING:
		filter_key(t, key);
		return TOP_GO_ON;
	case CONFIRMING:
		mode = NORMAL;
		return key == 'y' ? TOP_KILL : TOP_GO_ON;
	case HELPING:
		mode = NORMAL;
		return TOP_GO_ON;
	case NORMAL:
		break;
	}
	return normal_key(t, key, look_now);
}
