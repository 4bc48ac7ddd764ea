/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of kdumpd on D-Bus, which kdumpctl knows, too. */
#pragma once

#define BUS_NAME "org.kdumpd.Kdump1"
#define BUS_PATH "/org/kdumpd/Kdump1"
#define BUS_PATH_JOB BUS_PATH "/job"
#define BUS_INTERFACE_MANAGER BUS_NAME ".Manager"
#define BUS_INTERFACE_JOB BUS_NAME ".Job"
#define BUS_ERROR_NOT_SUPPORTED BUS_NAME ".Error.NotSupported"
#define BUS_ERROR_BUSY BUS_NAME ".Error.Busy"
#define BUS_ERROR_FAILED BUS_NAME ".Error.Failed"
