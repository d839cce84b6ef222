#include "tools/http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct http {
	struct MHD_Daemon *daemon;
	bool (*write)(void *ctx, FILE *f);
	void *ctx;
};

const char *http_built(void)
{
	return NULL;
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, char *text, size_t size, bool owned)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		size, text, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_NO;
	if (r == NULL) {
		if (owned)
			free(text);
		return MHD_NO;
	}
	if (MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE,
				    "text/plain; version=0.0.4; charset=utf-8") == MHD_YES)
		result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result constant(struct MHD_Connection *c, unsigned status, const char *text)
{
	return reply(c, status, (char *)text, strlen(text), false);
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version, const char *upload, size_t *upload_size, void **request)
{
	struct http *h = ctx;
	char *text = NULL;
	size_t size = 0;
	bool ok;
	FILE *f;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return constant(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") != 0)
		return constant(c, MHD_HTTP_NOT_FOUND, "nothing here but /metrics\n");
	f = open_memstream(&text, &size);
	ok = f != NULL && h->write(h->ctx, f);
	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	if (ok)
		return reply(c, MHD_HTTP_OK, text, size, true);
	free(text);
	return constant(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
}

// Splits "HOST:PORT" and finds the socket address; a message in why if there is none.
static struct addrinfo *resolve(const char *address, char *why, size_t size)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(address, ':'), *port = colon != NULL ? colon + 1 : address;
	struct addrinfo *found = NULL;
	char host[256] = "127.0.0.1";
	int err;

	if (colon != NULL && colon != address) {
		bool bracketed = address[0] == '[' && colon[-1] == ']';
		snprintf(host, sizeof host, "%.*s", (int)(colon - address) - 2 * bracketed,
			 address + bracketed);
	}
	err = getaddrinfo(host, port, &hints, &found);
	if (err != 0) {
		snprintf(why, size, "'%s' is not an address to listen on ([HOST:]PORT): %s", address,
			 gai_strerror(err));
		return NULL;
	}
	return found;
}

struct http *http_start(const char *address, bool (*write)(void *ctx, FILE *f), void *ctx, char *why,
			size_t size)
{
	struct addrinfo *to = resolve(address, why, size);
	struct http *h;

	if (to == NULL)
		return NULL;
	h = malloc(sizeof *h);
	if (h == NULL) {
		snprintf(why, size, "out of memory");
		freeaddrinfo(to);
		return NULL;
	}
	*h = (struct http){.write = write, .ctx = ctx};
	errno = 0;
	h->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | (to->ai_family == AF_INET6 ? MHD_USE_IPv6 : MHD_NO_FLAG), 0,
		NULL, NULL, answer, h, MHD_OPTION_SOCK_ADDR, to->ai_addr, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
		MHD_OPTION_CONNECTION_LIMIT, 64u, MHD_OPTION_END);
	freeaddrinfo(to);
	if (h->daemon == NULL) {
		snprintf(why, size, "cannot listen on '%s': %s", address,
			 errno != 0 ? strerror(errno) : "refused");
		free(h);
		return NULL;
	}
	return h;
}

unsigned http_port(const struct http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
	return info != NULL ? info->port : 0;
}

void http_stop(struct http *h)
{
	if (h == NULL)
		return;
	MHD_stop_daemon(h->daemon);
	free(h);
}
