/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All of gwctl is in commands.c and below, where tests reach it. */
#include "command.h"

int main(int argc, char **argv)
{
	return commands_main(argc, argv);
}
