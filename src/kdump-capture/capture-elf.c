/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what an ELF core that is written takes over from the one that is read, and where else it
 * gets that from. */
#include "capture-elf.h"

void capture_elf_describe(const CaptureSource *source, ElfInfo *ret)
{
        const Vmcore *vmcore = source->vmcore;
        KmemImage image;

        *ret = (ElfInfo){
                .machine = (uint16_t) vmcore_machine(vmcore),
                .direct_map_delta = vmcore_direct_map_delta(vmcore),
        };
        ret->notes = vmcore_notes(vmcore, &ret->notes_size);
        if (ret->direct_map_delta == 0 && source->kmem)
                ret->direct_map_delta = kmem_direct_map_delta(source->kmem);
        if (vmcore_kernel_map_delta(vmcore, &ret->kernel_map_delta) >= 0)
                (void) vmcore_kernel_map_range(vmcore, &ret->kernel_map_start_paddr,
                                               &ret->kernel_map_end_paddr);
        else if (source->kmem && kmem_image(source->kmem, &image) >= 0) {
                ret->kernel_map_delta = image.delta;
                ret->kernel_map_start_paddr = image.start_paddr;
                ret->kernel_map_end_paddr = image.end_paddr;
        }
}
