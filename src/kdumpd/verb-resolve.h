/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpd resolve`: asks for the addresses of the hosts that dumps go to; kdump-resolve.service. */
#pragma once

/* Returns the exit status: 0 also if some of the names lead nowhere now, which is logged. */
int verb_resolve(int argc, char **argv);
