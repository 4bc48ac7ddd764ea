/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel modules in the order in which they can be loaded one by one: depmod(8) knows it. None of
 * these log. */
#pragma once

#include "macro.h"

typedef struct ModuleOrder ModuleOrder;

/* What modules.dep, modules.softdep and modules.alias of @kernel_release say; the latter two may be
 * missing. Returns 0; -ENOENT if the modules are not installed. */
int module_order_new(int root_fd, const char *kernel_release, ModuleOrder **ret);
ModuleOrder *module_order_free(ModuleOrder *order); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(ModuleOrder *, module_order_free);

/* The file of module @name ('-' and '_' are the same), relative to the folder of the kernel's
 * modules; NULL if there is none, as for what is built in. Owned by @order. */
const char *module_order_find(const ModuleOrder *order, const char *name);

/* Appends the files of module @name, or of those that have it as an alias, to *paths (strv), behind
 * those of the modules that they need, also by a softdep, and in front of those that a softdep
 * wants after it. Each comes once in the life of @order. What there is no file of is left out.
 * Returns 0; -ELOOP if modules hang on each other without an end. */
int module_order_add(ModuleOrder *order, const char *name, char ***paths);
