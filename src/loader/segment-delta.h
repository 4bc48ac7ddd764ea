/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SegmentDelta: what has to be listed of an image if another one is where it is loaded. Pure. */
#pragma once

#include "segment-image.h"

/* Lists the small segments of @image, and of the big ones the pages that are not, byte for byte,
 * in a big segment of @armed at the same address: what is small in @armed changes by itself. Where
 * that makes more than LAYOUT_SEGMENTS_MAX, those with the least between them are one. Both images
 * must be as segment_image_make() has left them; *ret points into @image. Whether @armed still is
 * in memory as it was loaded cannot be told from this. */
void segment_delta_make(const SegmentImage *image, const SegmentImage *armed, SegmentList *ret);
