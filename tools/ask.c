#include "tools/ask.h"
#include "supervisor/link.h"

int ask(const struct cli *cli, const char *group, json_t *request, int fd, json_t **reply)
{
	struct link l;

	*reply = NULL;
	if (link_open(&l, group, true) != 0) {
		json_decref(request);
		return cli_fail(cli, EXIT_REFUSED, "%s", l.fail.text);
	}
	if (link_send_file(&l, request, fd) != 0 || link_read(&l, reply) != 0 || link_check(&l, *reply) != 0) {
		link_close(&l);
		return cli_fail(cli, EXIT_REFUSED, "%s", l.fail.text);
	}
	link_close(&l);
	return EXIT_OK;
}

int ask_group(const struct cli *cli, char *name)
{
	struct shmchan_view_group g;
	struct shmchan_view *v;
	int status = shmtool_open(cli, &v);

	if (status != EXIT_OK)
		return status;
	shmchan_view_group(v, &g);
	shmchan_view_close(v);
	snprintf(name, SHMCHAN_NAME_MAX, "%s", g.name);
	return EXIT_OK;
}
