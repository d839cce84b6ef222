// Stands in for top_screen.c where ncursesw was not there.
#include "tools/top.h"

const char *top_screen_built(void)
{
	return "libncurses-dev";
}

bool top_screen_open(void)
{
	return false;
}

void top_screen_close(void)
{
}

void top_screen_draw(const struct top *t, const char *message)
{
}

enum top_act top_screen_key(struct top *t, double seconds, bool *look_now)
{
	return TOP_QUIT;
}
