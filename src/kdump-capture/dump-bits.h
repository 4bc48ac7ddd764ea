/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name by which the pipeline knows bits.h. */
#pragma once

#include "bits.h"
