#include "bpf/watch.h"
#include "shmchan/probe.h"
#include "tools/http.h"
#include "tools/shmtool.h"
#include "tools/top.h"

#define VERSION "0.1.0"

static int version(const struct cli *cli)
{
	const char *missing = watch_built();
	struct jsonw j;
	if (!cli->json) {
		fprintf(cli->out, "shmtool %s\nprobes  %s\nbpf     %s%s\n", VERSION,
			SHMCHAN_PROBES_BUILT ? "yes" : "no, built without sys/sdt.h (systemtap-sdt-dev)",
			missing == NULL ? "yes" : "no, built without for lack of: ",
			missing == NULL ? "" : missing);
		fprintf(cli->out, "http    %s%s\n", http_built() == NULL ? "yes" : "no, built without ",
			http_built() == NULL ? "" : http_built());
		fprintf(cli->out, "top     %s%s\n", top_screen_built() == NULL ? "yes" : "no, built without ",
			top_screen_built() == NULL ? "" : top_screen_built());
	} else {
		jsonw_begin(&j, cli->out, cli->pretty);
		jsonw_object(&j);
		jsonw_key(&j, "version");
		jsonw_str(&j, VERSION);
		jsonw_key(&j, "probes");
		jsonw_bool(&j, SHMCHAN_PROBES_BUILT);
		jsonw_key(&j, "bpf");
		jsonw_bool(&j, missing == NULL);
		jsonw_key(&j, "bpf_missing");
		jsonw_str(&j, missing);
		jsonw_key(&j, "http");
		jsonw_bool(&j, http_built() == NULL);
		jsonw_key(&j, "top");
		jsonw_bool(&j, top_screen_built() == NULL);
		jsonw_end(&j);
		jsonw_line(&j);
	}
	return fflush(cli->out) == 0 ? EXIT_OK : cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
}

const struct verb version_verbs[] = {
	{"", "what this program was built with", "", NULL, NULL, 0, VERB_NO_GROUP, version},
	NO_MORE_VERBS,
};
