// Stands in for http.c where libmicrohttpd was not there.
#include "tools/http.h"

const char *http_built(void)
{
	return "libmicrohttpd-dev";
}

struct http *http_start(const char *address, bool (*write)(void *ctx, FILE *f), void *ctx, char *why,
			size_t size)
{
	snprintf(why, size,
		 "this program was built without libmicrohttpd; install libmicrohttpd-dev and build again");
	return NULL;
}

unsigned http_port(const struct http *h)
{
	return 0;
}

void http_stop(struct http *h)
{
}
