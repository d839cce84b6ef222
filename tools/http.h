// Serves one page of text over HTTP, for `metrics --listen`. By libmicrohttpd, or, built without, not at all.
#ifndef TOOLS_HTTP_H
#define TOOLS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct http;

// http_built: NULL if this build can serve, else what was missing when it was made.
const char *http_built(void);

// http_start listens on `address`, "PORT", "HOST:PORT" or "[HOST]:PORT", host 127.0.0.1 if none is given, and
// answers GET /metrics with what write(ctx, f) writes, in a thread of its own, one request at a time. write
// returns false for an internal error. NULL on failure; why, of `size` bytes, then says why in one line.
struct http *http_start(const char *address, bool (*write)(void *ctx, FILE *f), void *ctx, char *why,
			size_t size);
unsigned http_port(const struct http *h); // chosen by the kernel if 0 was asked for
void http_stop(struct http *h);           // NULL is allowed

#endif
