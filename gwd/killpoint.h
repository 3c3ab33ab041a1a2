/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Named places at which a build made for it (build/killpoints/gwd) ends itself with SIGKILL, to see what a change that
 * was cut short there leaves behind. The product has none of them. The environment chooses: GWD_KILLPOINT="OF/STEP" the
 * first pass, "OF/STEP=N" the N-th; what is not a name that is passed never ends anything. */
#ifndef KILLPOINT_H
#define KILLPOINT_H

#ifdef KILLPOINTS
void killpoint(const char *of, const char *step); /* says so on standard error first */
#define KILLPOINT(of, step) killpoint(of, step)
#else
#define KILLPOINT(of, step) ((void)0)
#endif

#endif
