/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the way from facts and files to all bytes of an image. */
#include "crash-image.h"

#include <inttypes.h>

#include "boot-params.h"
#include "e820.h"
#include "efi-table.h"
#include "elfcorehdr.h"
#include "layout-check.h"
#include "seal.h"
#include "setup-data.h"
#include "text.h"

/* What is no RAM of the crash kernel though it is in its area: what it reads late, or leaves where
 * it is for others to read. */
static const ExtentRole hole_roles[] = {
        EXTENT_SETUP_DATA,  EXTENT_EFI_TABLE, EXTENT_ELFCOREHDR,
        EXTENT_STATUS_NODE, EXTENT_STATUS,    EXTENT_PURGATORY,
};

typedef struct Builder {
        const LoaderFacts *facts;
        const CrashImageInputs *inputs;
        BzImage kernel;
        bool efi;
        size_t n_more; /* how many entries of e820 there is room for in setup_data */
        E820 e820;
        CrashImage image;
} Builder;

void crash_image_done(CrashImage *image)
{
        if (!image)
                return;
        for (ExtentRole role = 0; role < _EXTENT_ROLE_MAX; role++)
                free(image->owned[role]);
        *image = (CrashImage){};
}

static void builder_done(Builder *builder)
{
        e820_done(&builder->e820);
        crash_image_done(&builder->image);
}

static const char *cmdline_of(const char *cmdline)
{
        return cmdline ?: "";
}

/* Takes the result of what fails for lack of memory, or for ranges that end before they start. */
static int ranges_failed(int r, char **reterr_message)
{
        if (r == -EINVAL)
                (void) strprintf(reterr_message, "the ranges of memory make no sense");
        return r;
}

static size_t more_than_zero_page(size_t n)
{
        return n > E820_ZERO_PAGE_MAX ? n - E820_ZERO_PAGE_MAX : 0;
}

static int check_kernel(const Builder *builder, char **reterr_message)
{
        /* As bzImage64_probe() of arch/x86/kernel/kexec-bzimage64.c has it: the levels stay as they
         * are until the kernel runs. */
        if (builder->facts->la57 && !builder->kernel.five_level) {
                (void) strprintf(reterr_message,
                                 "five levels of page tables are in use, and the crash kernel "
                                 "knows four");
                return -EINVAL;
        }
        return 0;
}

static int prepare(Builder *builder, char **reterr_message)
{
        const CrashImageInputs *inputs = builder->inputs;
        _cleanup_(e820_done) E820 e820 = {};
        const RangeList no_holes = {};
        int r;

        r = bzimage_parse(inputs->kernel, inputs->kernel_bytes, &builder->kernel, reterr_message);
        if (r < 0)
                return r;
        r = check_kernel(builder, reterr_message);
        if (r < 0)
                return r;
        builder->efi = efi_table_wanted(builder->facts, &builder->kernel);
        /* The holes are not known before the layout, but how much they can add to it is. */
        r = e820_build(builder->facts, &no_holes, &e820);
        if (r < 0)
                return ranges_failed(r, reterr_message);
        builder->n_more = more_than_zero_page(e820.n + ELEMENTSOF(hole_roles));
        return 0;
}

static int layout_inputs(const Builder *builder, LayoutInputs *ret, char **reterr_message)
{
        const CrashImageInputs *inputs = builder->inputs;
        const LoaderEfi *efi = builder->efi ? &builder->facts->efi : NULL;
        const SetupData setup = { .efi = efi, .n_more = builder->n_more };
        uint64_t elfcorehdr = 0;
        int r;

        r = elfcorehdr_bytes(builder->facts, &elfcorehdr);
        if (r == -E2BIG)
                (void) strprintf(reterr_message,
                                 "%zu ranges of memory and %zu CPUs are more than ELF headers can "
                                 "number",
                                 builder->facts->ram.n, builder->facts->n_cpu_notes);
        if (r < 0)
                return ranges_failed(r, reterr_message);
        *ret = (LayoutInputs){
                .kernel_bytes = builder->kernel.kernel_bytes,
                .kernel_init_size_bytes = builder->kernel.init_size_bytes,
                .kernel_alignment = builder->kernel.alignment,
                .kernel_pref_paddr = builder->kernel.pref_paddr,
                .initrd_bytes = inputs->initrd_bytes,
                .initrd_unpacked_bytes = inputs->initrd_unpacked_bytes,
                .cmdline_bytes = boot_params_cmdline_bytes(cmdline_of(inputs->cmdline)),
                .setup_data_bytes = setup_data_bytes(&setup),
                .efi_table_bytes = efi ? efi_table_bytes(efi) : 0,
                .elfcorehdr_bytes = elfcorehdr,
                .purgatory_bytes = inputs->purgatory_bytes,
        };
        if (inputs->fallback_initrd) {
                ret->fallback_initrd_bytes = inputs->fallback_initrd_bytes;
                ret->fallback_cmdline_bytes =
                        boot_params_cmdline_bytes(cmdline_of(inputs->fallback_cmdline));
        }
        return 0;
}

static int lay_out(Builder *builder, const LayoutPolicy *policy, const CrashImage *armed,
                   char **reterr_message)
{
        Layout *layout = &builder->image.layout;
        LayoutInputs inputs = {};
        int r;

        r = layout_inputs(builder, &inputs, reterr_message);
        if (r < 0)
                return r;
        if (armed)
                r = layout_make_sparse(builder->facts, &inputs, policy, &armed->layout, layout,
                                       reterr_message);
        else
                r = layout_make(builder->facts, &inputs, policy, layout, reterr_message);
        if (r < 0)
                return r;
        return layout_check(layout, builder->facts, &inputs, reterr_message);
}

static const LayoutExtent *extent_of(const Builder *builder, ExtentRole role)
{
        return &builder->image.layout.extents[role];
}

/* Zeros for all of the extent, which are the image's. NULL if there is no memory. */
static uint8_t *make_content(Builder *builder, ExtentRole role)
{
        uint8_t *data = calloc(1, extent_of(builder, role)->bytes);

        builder->image.owned[role] = data;
        builder->image.content[role] = data;
        return data;
}

/* Takes @data over, which is to be the content. */
static int take_content(Builder *builder, ExtentRole role, void *data, uint64_t bytes,
                        char **reterr_message)
{
        const LayoutExtent *extent = extent_of(builder, role);

        builder->image.owned[role] = data;
        builder->image.content[role] = data;
        if (extent->present && extent->bytes == bytes)
                return 0;
        (void) strprintf(reterr_message, "%s of %" PRIu64 " bytes has a place for %" PRIu64,
                         extent_role_to_string(role), bytes, extent->bytes);
        return -EINVAL;
}

static void use_inputs(Builder *builder)
{
        const CrashImageInputs *inputs = builder->inputs;
        const uint8_t **content = builder->image.content;

        content[EXTENT_KERNEL] = builder->kernel.kernel;
        if (extent_of(builder, EXTENT_INITRD)->present)
                content[EXTENT_INITRD] = inputs->initrd;
        if (extent_of(builder, EXTENT_FALLBACK_INITRD)->present)
                content[EXTENT_FALLBACK_INITRD] = inputs->fallback_initrd;
}

static int build_e820(Builder *builder)
{
        _cleanup_(range_list_done) RangeList holes = {};
        int r;

        for (size_t i = 0; i < ELEMENTSOF(hole_roles); i++) {
                const LayoutExtent *extent = extent_of(builder, hole_roles[i]);

                if (!extent->present)
                        continue;
                r = range_list_add(&holes, extent->paddr, extent->paddr + extent->room_bytes);
                if (r < 0)
                        return r;
        }
        return e820_build(builder->facts, &holes, &builder->e820);
}

/* What the room for entries of e820 is too large by stays zero, behind the last node. */
static int build_setup_data(Builder *builder)
{
        const LayoutExtent *extent = extent_of(builder, EXTENT_SETUP_DATA);
        const SetupData setup = {
                .efi = builder->efi ? &builder->facts->efi : NULL,
                .seed = builder->inputs->random_seed,
                .more = builder->e820.ranges + E820_ZERO_PAGE_MAX,
                .n_more = more_than_zero_page(builder->e820.n),
                .next_paddr = extent_of(builder, EXTENT_STATUS_NODE)->paddr,
        };
        uint8_t *data = make_content(builder, EXTENT_SETUP_DATA);

        if (!data)
                return -ENOMEM;
        setup_data_write(&setup, extent->paddr, data);
        return 0;
}

static int build_efi_table(Builder *builder)
{
        uint8_t *data;

        if (!builder->efi)
                return 0;
        data = make_content(builder, EXTENT_EFI_TABLE);
        if (!data)
                return -ENOMEM;
        efi_table_write(&builder->facts->efi, data);
        return 0;
}

static int build_status(Builder *builder)
{
        uint8_t *header = make_content(builder, EXTENT_STATUS_NODE);
        uint8_t *data = make_content(builder, EXTENT_STATUS);
        PurgatoryStatus status;

        if (!header || !data)
                return -ENOMEM;
        setup_data_write_status_header(header);
        seal_status(builder->facts, builder->inputs->generation,
                    builder->inputs->armed_realtime_usec, &status);
        memcpy(data, &status, sizeof(status));
        return 0;
}

static int build_elfcorehdr(Builder *builder, char **reterr_message)
{
        uint8_t *data = NULL;
        size_t bytes = 0;
        int r;

        r = elfcorehdr_build(builder->facts, &data, &bytes);
        if (r < 0)
                return r;
        return take_content(builder, EXTENT_ELFCOREHDR, data, bytes, reterr_message);
}

/* Roles of what one of the two targets has for itself */
typedef struct TargetRoles {
        ExtentRole boot_params, cmdline, initrd;
} TargetRoles;

static int build_cmdline(Builder *builder, ExtentRole role, const char *cmdline,
                         char **reterr_message)
{
        uint64_t elfcorehdr_paddr = extent_of(builder, EXTENT_ELFCOREHDR)->paddr;
        char *line = NULL;
        int r;

        r = boot_params_cmdline(cmdline_of(cmdline), &builder->kernel, elfcorehdr_paddr, &line,
                                reterr_message);
        if (r < 0)
                return r;
        return take_content(builder, role, line, strlen(line) + 1, reterr_message);
}

static int build_boot_params(Builder *builder, const TargetRoles *roles, char **reterr_message)
{
        const LayoutExtent *initrd = extent_of(builder, roles->initrd);
        const BootParams params = {
                .image = &builder->kernel,
                .e820 = &builder->e820,
                .cmdline_paddr = extent_of(builder, roles->cmdline)->paddr,
                .initrd_paddr = initrd->present ? initrd->paddr : 0,
                .initrd_bytes = initrd->present ? initrd->bytes : 0,
                .setup_data_paddr = extent_of(builder, EXTENT_SETUP_DATA)->paddr,
                .efi_table_paddr = builder->efi ? extent_of(builder, EXTENT_EFI_TABLE)->paddr : 0,
        };
        uint8_t *data = make_content(builder, roles->boot_params);
        int r;

        if (!data)
                return -ENOMEM;
        r = boot_params_write(&params, builder->facts, data);
        if (r < 0)
                (void) strprintf(reterr_message, "the kernel's header of %zu bytes is too long",
                                 builder->kernel.header_bytes);
        return r;
}

static int build_target(Builder *builder, const TargetRoles *roles, const char *cmdline,
                        char **reterr_message)
{
        int r;

        if (!extent_of(builder, roles->boot_params)->present)
                return 0;
        r = build_cmdline(builder, roles->cmdline, cmdline, reterr_message);
        if (r < 0)
                return r;
        return build_boot_params(builder, roles, reterr_message);
}

static int build_targets(Builder *builder, char **reterr_message)
{
        static const TargetRoles first = { EXTENT_BOOT_PARAMS, EXTENT_CMDLINE, EXTENT_INITRD };
        static const TargetRoles fallback = { EXTENT_FALLBACK_BOOT_PARAMS, EXTENT_FALLBACK_CMDLINE,
                                              EXTENT_FALLBACK_INITRD };
        int r;

        r = build_target(builder, &first, builder->inputs->cmdline, reterr_message);
        if (r < 0)
                return r;
        return build_target(builder, &fallback, builder->inputs->fallback_cmdline, reterr_message);
}

static int build_purgatory(Builder *builder, char **reterr_message)
{
        const CrashImageInputs *inputs = builder->inputs;
        uint8_t *blob = NULL;
        int r;

        r = seal_purgatory(&builder->image.layout, builder->facts, inputs->resets,
                           inputs->purgatory, inputs->purgatory_bytes, &blob, reterr_message);
        if (r == -EINVAL)
                (void) strprintf(reterr_message, "there is no such way to reset the machine");
        if (r < 0)
                return r;
        return take_content(builder, EXTENT_PURGATORY, blob, inputs->purgatory_bytes,
                            reterr_message);
}

static int build(Builder *builder, char **reterr_message)
{
        int r;

        use_inputs(builder);
        r = build_e820(builder);
        if (r < 0)
                return r;
        r = build_setup_data(builder);
        if (r < 0)
                return r;
        r = build_efi_table(builder);
        if (r < 0)
                return r;
        r = build_status(builder);
        if (r < 0)
                return r;
        r = build_elfcorehdr(builder, reterr_message);
        if (r < 0)
                return r;
        r = build_targets(builder, reterr_message);
        if (r < 0)
                return r;
        return build_purgatory(builder, reterr_message);
}

static int seal_leaves_and_block(Builder *builder)
{
        uint8_t *leaves = make_content(builder, EXTENT_LEAVES);
        uint8_t *data = make_content(builder, EXTENT_BLOCK);
        PurgatoryBlock block;
        int r;

        if (!leaves || !data)
                return -ENOMEM;
        r = seal_write_leaves(&builder->image.layout, builder->image.content, leaves);
        if (r < 0)
                return r;
        r = seal_block(&builder->image.layout, builder->facts, builder->inputs->resets, leaves,
                       &block);
        if (r < 0)
                return r;
        memcpy(data, &block, sizeof(block));
        return 0;
}

/* Needs all other content. */
static int seal(Builder *builder, char **reterr_message)
{
        const Layout *layout = &builder->image.layout;
        int r;

        if (seal_leaves(layout) != layout->n_leaves) {
                (void) strprintf(reterr_message, "%" PRIu64 " leaves have a place for %" PRIu32,
                                 seal_leaves(layout), layout->n_leaves);
                return -EINVAL;
        }
        r = seal_leaves_and_block(builder);
        if (r == -EOPNOTSUPP)
                (void) strprintf(reterr_message, "libcrypto has no SHA-256");
        if (r == -EINVAL)
                (void) strprintf(reterr_message, "the purgatory cannot number what is loaded");
        return r;
}

static uint64_t big_leaves_bytes(const Layout *layout)
{
        uint64_t n = 0;

        for (ExtentRole role = EXTENT_KERNEL; role <= EXTENT_FALLBACK_INITRD; role++)
                n += DIV_ROUND_UP(layout->extents[role].bytes, (uint64_t) PURGATORY_CHUNK_BYTES);
        return n * PURGATORY_DIGEST_BYTES;
}

/* What a sparse load leaves in place must be what the leaves speak of. Those of the big extents
 * are the first ones. */
static int check_same_big(const CrashImage *image, const CrashImage *armed, char **reterr_message)
{
        uint64_t bytes = big_leaves_bytes(&image->layout);

        _Static_assert(EXTENT_KERNEL == 0 && EXTENT_INITRD == 1 && EXTENT_FALLBACK_INITRD == 2,
                       "leaves are in the order of roles");
        if (bytes == big_leaves_bytes(&armed->layout) &&
            memcmp(image->content[EXTENT_LEAVES], armed->content[EXTENT_LEAVES], bytes) == 0)
                return 0;
        (void) strprintf(reterr_message,
                         "the kernel or its initramfs is another than the one that is armed");
        return -ESTALE;
}

int crash_image_make(const LoaderFacts *facts, const CrashImageInputs *inputs,
                     const LayoutPolicy *policy, const CrashImage *armed, CrashImage *ret,
                     char **reterr_message)
{
        _cleanup_(builder_done) Builder builder = { .facts = facts, .inputs = inputs };
        int r;

        r = prepare(&builder, reterr_message);
        if (r < 0)
                return r;
        r = lay_out(&builder, policy, armed, reterr_message);
        if (r < 0)
                return r;
        r = build(&builder, reterr_message);
        if (r < 0)
                return r;
        r = seal(&builder, reterr_message);
        if (r < 0)
                return r;
        if (armed) {
                r = check_same_big(&builder.image, armed, reterr_message);
                if (r < 0)
                        return r;
        }
        *ret = builder.image;
        builder.image = (CrashImage){};
        return 0;
}
