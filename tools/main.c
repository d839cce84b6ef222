// shmtool: looks into the groups of this machine. See `shmtool help`.
#include "tools/shmtool.h"

int main(int argc, char **argv)
{
	struct cli cli;
	int status = cli_parse(&cli, shmtool_objects, argc, argv, stdout, stderr);
	if (status != EXIT_OK)
		return status;
	if (cli.verb != NULL)
		return shmtool_run(&cli);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_ERROR;
}
