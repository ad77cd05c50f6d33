/* SPDX-License-Identifier: Apache-2.0 */
/* cli/main.c - the command `pbt`. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return pbti_cli_main(argc, argv);
}
