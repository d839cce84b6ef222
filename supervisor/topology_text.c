#include "supervisor/topology_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>
#include "supervisor/topology.h"
#include "supervisor/topology_schema.h"

struct variable {
	const char *name, *value;
	bool set;
};

// A scalar of the file that holds a reference; [begin,end) are byte offsets.
struct ref {
	size_t begin, end, line, column;
	const char *value;
	size_t len;
};

struct scan {
	const char *file;
	struct arena *arena;
	struct fail *fail;
	struct variable *vars;
	unsigned var_cnt;
	struct ref *refs;
	unsigned ref_cnt, ref_room;
};

int topo_text_read(struct topo_text *out, const char *file, struct arena *a, struct fail *fail)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return fail_set(fail, SUP_TOPOLOGY, "can't open topology %s: %s", file, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return fail_set(fail, SUP_TOPOLOGY, "can't read topology %s: it is a directory", file);
	}
	out->file = file;
	out->data = arena_alloc(a, TOPO_FILE_MAX + 2, 1);
	out->len = 0;
	do {
		got = read(fd, out->data + out->len, TOPO_FILE_MAX + 1 - out->len);
		if (got > 0)
			out->len += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	close(fd);
	if (got < 0)
		return fail_set(fail, SUP_TOPOLOGY, "can't read topology %s: %s", file, strerror(errno));
	if (out->len > TOPO_FILE_MAX)
		return fail_set(fail, SUP_TOPOLOGY, "%s: larger than %u bytes", file, TOPO_FILE_MAX);
	if (memchr(out->data, 0, out->len))
		return fail_set(fail, SUP_TOPOLOGY, "%s: holds a NUL byte; not a YAML text", file);
	return 0;
}

static int syntax_error(struct scan *s, const yaml_parser_t *p)
{
	size_t line = p->problem_mark.line + 1, column = p->problem_mark.column + 1;

	if (p->error == YAML_READER_ERROR)
		return fail_set(s->fail, SUP_TOPOLOGY, "%s: byte %zu: %s", s->file, p->problem_offset,
				p->problem);
	if (p->error == YAML_MEMORY_ERROR)
		return fail_set(s->fail, SUP_SYSTEM, "%s: no memory", s->file);
	return fail_set(s->fail, SUP_TOPOLOGY,
			"%s:%zu:%zu: %s%s%s (a value with ${...} inside [ ] or { } needs quotes)", s->file,
			line, column, p->context ? p->context : "", p->context ? ": " : "",
			p->problem ? p->problem : "not YAML");
}

static void note_ref(struct scan *s, const yaml_event_t *e)
{
	if (s->ref_cnt == s->ref_room) {
		struct ref *more = arena_alloc(s->arena, s->ref_room ? s->ref_room * 2 : 64, sizeof(*more));

		if (s->ref_cnt)
			memcpy(more, s->refs, s->ref_cnt * sizeof(*more));
		s->refs = more;
		s->ref_room = s->ref_room ? s->ref_room * 2 : 64;
	}
	s->refs[s->ref_cnt++] = (struct ref){
		.begin = e->start_mark.index,
		.end = e->end_mark.index,
		.line = e->start_mark.line,
		.column = e->start_mark.column,
		.value = arena_strndup(s->arena, (const char *)e->data.scalar.value, e->data.scalar.length),
		.len = e->data.scalar.length,
	};
}

static int check_event(struct scan *s, const yaml_event_t *e, unsigned *documents)
{
	size_t line = e->start_mark.line + 1, column = e->start_mark.column + 1;

	if (e->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1)
		return fail_set(s->fail, SUP_TOPOLOGY, "%s:%zu:%zu: a second document; a topology is one",
				s->file, line, column);
	// An alias could make a small file expand without bound.
	if (e->type == YAML_ALIAS_EVENT)
		return fail_set(s->fail, SUP_TOPOLOGY, "%s:%zu:%zu: aliases are not supported", s->file, line,
				column);
	if (e->type != YAML_SCALAR_EVENT || !strstr((const char *)e->data.scalar.value, "${"))
		return 0;
	if (e->start_mark.line != e->end_mark.line)
		return fail_set(s->fail, SUP_TOPOLOGY, "%s:%zu:%zu: ${...} in a value of several lines",
				s->file, line, column);
	note_ref(s, e);
	return 0;
}

static int scan_events(struct scan *s, const struct topo_text *in)
{
	yaml_parser_t p;
	yaml_event_t e;
	unsigned documents = 0;
	bool end = false;
	int rc = 0;

	if (!yaml_parser_initialize(&p))
		return fail_set(s->fail, SUP_SYSTEM, "%s: no memory", s->file);
	yaml_parser_set_input_string(&p, (const unsigned char *)in->data, in->len);
	while (!rc && !end) {
		if (!yaml_parser_parse(&p, &e)) {
			rc = syntax_error(s, &p);
			break;
		}
		rc = check_event(s, &e, &documents);
		end = e.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return rc;
}

// libyaml counts characters; the text is cut by bytes.
static void refs_to_bytes(struct scan *s, const struct topo_text *in)
{
	size_t chars = 0, at = 0;

	if (in->len >= 3 && memcmp(in->data, "\xef\xbb\xbf", 3) == 0)
		at = 3;
	for (unsigned i = 0; i < s->ref_cnt; i++)
		for (int end = 0; end < 2; end++) {
			size_t *mark = end ? &s->refs[i].end : &s->refs[i].begin;

			for (; chars < *mark && at < in->len; chars++)
				do
					at++;
				while (at < in->len && ((unsigned char)in->data[at] & 0xc0) == 0x80);
			*mark = at;
		}
}

static bool variable_name(const char *s, size_t len)
{
	return len && len < 64 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") >= len &&
	       !(len == 7 && memcmp(s, "replica", 7) == 0);
}

static int add_variable(struct scan *s, const yaml_node_t *k, const yaml_node_t *v)
{
	const char *name = (const char *)k->data.scalar.value, *value = (const char *)v->data.scalar.value;

	if (!variable_name(name, k->data.scalar.length))
		return fail_set(s->fail, SUP_TOPOLOGY, "%s:%zu:%zu: '%s' can't be the name of a variable",
				s->file, k->start_mark.line + 1, k->start_mark.column + 1, name);
	if (strstr(value, "${"))
		return fail_set(s->fail, SUP_TOPOLOGY, "%s:%zu:%zu: a variable's value can't use another",
				s->file, v->start_mark.line + 1, v->start_mark.column + 1);
	s->vars[s->var_cnt++] =
		(struct variable){arena_strndup(s->arena, name, k->data.scalar.length),
				  arena_strndup(s->arena, value, v->data.scalar.length), false};
	return 0;
}

static int add_variables(struct scan *s, yaml_document_t *doc)
{
	yaml_node_t *vars = topo_node_get(doc, yaml_document_get_root_node(doc), "variables");

	if (!vars)
		return 0;
	if (topo_schema_check_free(doc, s->file, "variables", vars, s->fail))
		return -1;
	s->vars = arena_alloc(s->arena,
			      (size_t)(vars->data.mapping.pairs.top - vars->data.mapping.pairs.start) + 1,
			      sizeof(*s->vars));
	for (yaml_node_pair_t *p = vars->data.mapping.pairs.start; p < vars->data.mapping.pairs.top; p++)
		if (add_variable(s, yaml_document_get_node(doc, p->key),
				 yaml_document_get_node(doc, p->value)))
			return -1;
	return 0;
}

static int read_variables(struct scan *s, const struct topo_text *in)
{
	yaml_parser_t p;
	yaml_document_t doc;
	int rc;

	if (!yaml_parser_initialize(&p))
		return fail_set(s->fail, SUP_SYSTEM, "%s: no memory", s->file);
	yaml_parser_set_input_string(&p, (const unsigned char *)in->data, in->len);
	if (yaml_parser_load(&p, &doc)) {
		rc = add_variables(s, &doc);
		yaml_document_delete(&doc);
	} else {
		rc = syntax_error(s, &p);
	}
	yaml_parser_delete(&p);
	return rc;
}

static struct variable *find_variable(struct scan *s, const char *name, size_t len)
{
	for (unsigned i = 0; i < s->var_cnt; i++)
		if (strlen(s->vars[i].name) == len && memcmp(s->vars[i].name, name, len) == 0)
			return &s->vars[i];
	return NULL;
}

static const char *known_variables(struct scan *s)
{
	const char *out = "";

	for (unsigned i = 0; i < s->var_cnt; i++)
		out = arena_printf(s->arena, "%s%s%s", out, i ? ", " : "", s->vars[i].name);
	return *out ? out : "none";
}

static int apply_set(struct scan *s, const char *set)
{
	const char *eq = strchr(set, '=');
	struct variable *v;

	if (!eq || eq == set)
		return fail_set(s->fail, SUP_USAGE, "--set '%s' is not of the form NAME=VALUE", set);
	v = find_variable(s, set, (size_t)(eq - set));
	if (!v)
		return fail_set(s->fail, SUP_USAGE, "--set %.*s: %s has no such variable; it has: %s",
				(int)(eq - set), set, s->file, known_variables(s));
	if (v->set)
		return fail_set(s->fail, SUP_USAGE, "--set %s is given twice", v->name);
	for (const char *p = eq + 1; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fail_set(s->fail, SUP_USAGE, "--set %s: the value holds a control character",
					v->name);
	v->set = true;
	v->value = eq + 1;
	return 0;
}

// Appends as the inside of a YAML double-quoted scalar; with `literal`, dollar signs are doubled for plan.h.
static void put_quoted(FILE *f, const char *s, size_t len, bool literal)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
		if (c == '$' && literal)
			fputc('$', f);
	}
}

static int put_expanded(struct scan *s, FILE *f, const struct ref *r)
{
	fputc('"', f);
	for (size_t i = 0; i < r->len;) {
		const char *p = r->value + i, *close;
		struct variable *v;

		if (p[0] == '$' && p[1] == '$') {
			fputs("$$", f);
			i += 2;
			continue;
		}
		if (p[0] != '$' || p[1] != '{') {
			put_quoted(f, p, 1, false);
			i++;
			continue;
		}
		close = strchr(p, '}');
		if (!close)
			return fail_set(s->fail, SUP_TOPOLOGY, "%s:%zu:%zu: '${' without '}'", s->file,
					r->line + 1, r->column + 1);
		if (strncmp(p, "${replica}", 10) == 0) {
			fputs("${replica}", f);
		} else {
			v = find_variable(s, p + 2, (size_t)(close - p - 2));
			if (!v)
				return fail_set(s->fail, SUP_TOPOLOGY,
						"%s:%zu:%zu: variable '%.*s' is not defined; known are: %s",
						s->file, r->line + 1, r->column + 1, (int)(close - p - 2),
						p + 2, known_variables(s));
			put_quoted(f, v->value, strlen(v->value), true);
		}
		i = (size_t)(close - r->value) + 1;
	}
	fputc('"', f);
	return 0;
}

static int put_all(struct scan *s, FILE *f, const struct topo_text *in)
{
	size_t at = 0;

	for (unsigned i = 0; i < s->ref_cnt; i++) {
		fwrite(in->data + at, 1, s->refs[i].begin - at, f);
		if (put_expanded(s, f, &s->refs[i]))
			return -1;
		at = s->refs[i].end;
		if (ftell(f) > TOPO_FILE_MAX)
			return fail_set(s->fail, SUP_TOPOLOGY,
					"%s: larger than %u bytes with its variables put in", s->file,
					TOPO_FILE_MAX);
	}
	fwrite(in->data + at, 1, in->len - at, f);
	return 0;
}

int topo_text_expand(struct topo_text *out, const struct topo_text *in, const char *const *sets,
		     unsigned set_cnt, struct arena *a, struct fail *fail)
{
	struct scan s = {.file = in->file, .arena = a, .fail = fail};
	char *data = NULL;
	size_t len = 0;
	FILE *f;
	int rc;

	if (scan_events(&s, in) || read_variables(&s, in))
		return -1;
	for (unsigned i = 0; i < set_cnt; i++)
		if (apply_set(&s, sets[i]))
			return -1;
	refs_to_bytes(&s, in);
	f = open_memstream(&data, &len);
	if (!f)
		return fail_set(fail, SUP_SYSTEM, "%s: no memory", in->file);
	rc = put_all(&s, f, in);
	if (fclose(f) != 0 && !rc)
		rc = fail_set(fail, SUP_SYSTEM, "%s: no memory", in->file);
	if (!rc)
		*out = (struct topo_text){in->file, arena_strndup(a, data, len), len};
	free(data);
	return rc;
}
