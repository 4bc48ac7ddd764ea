#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the base image of the crash kernel is made of. It decides nothing: kdumpd has resolved what is needed
# and says so in the folder KDUMP_BUILD_DIR:
#   drivers    kernel modules, one name a line     binaries   programs, one path a line
#   base.json  what this image is for, installed as it is
# It leaves in `sizes` how many bytes the files of each kind of target take, unpacked: one "kind bytes" a line.
# No other dracut module is needed: the crash kernel boots systemd straight into kdump-capture.target, without
# an initqueue and without a root file system to switch to.

check() {
        [[ -d ${KDUMP_BUILD_DIR-} ]] || return 1
        require_binaries "$systemdutildir/systemd" udevadm kmod /usr/lib/kdumpd/kdump-capture || return 1
        return 255
}

depends() {
        return 0
}

# Which kind of target asks for a module or a program that is not in each image
kdump_kind() {
        case "${1##*/}" in
                nfs | nfsv3 | nfsv4) echo nfs ;;
                virtiofs) echo virtiofs ;;
                depot-ssh.so) echo ssh ;;
                depot-curl.so) echo url ;;
                systemd-networkd) echo network ;;
                lvm | dm_*) echo lvm ;;
                mdadm | mdmon | raid*) echo md ;;
        esac
}

# Does what is behind the name, and notes by how much the image grew.
kdump_measure() {
        local _kind=$1 _before
        shift

        if [[ -z $_kind ]]; then
                "$@"
                return
        fi
        _before=$(du -s --block-size=1 "$initdir" | cut -f1)
        "$@" || return
        echo "$_kind $(($(du -s --block-size=1 "$initdir" | cut -f1) - _before))" >> "$KDUMP_BUILD_DIR/sizes"
}

# Whether an ext4 may be mounted: its module is asked for, or there is none to ask for.
kdump_has_ext4() {
        grep -qx ext4 "$KDUMP_BUILD_DIR/drivers" || grep -qs '/ext4\.ko' "$srcmods/modules.builtin"
}

installkernel() {
        local _driver

        while read -r _driver; do
                # Not found is not an error here: it may be built in, or renamed in this kernel.
                hostonly='' kdump_measure "$(kdump_kind "$_driver")" instmods -s "$_driver"
        done < "$KDUMP_BUILD_DIR/drivers"
        # The character sets that a vfat or the checksums that ext4, xfs and btrfs ask for by alias.
        hostonly='' instmods -s crc32c crc32c-intel crc32c_generic libcrc32c xxhash_generic sha256 blake2b_generic
        # The format of quotas, without which an ext4 that keeps them (feature quota) is not mounted: find_quota_format() in
        # fs/quota/dquot.c asks for it by name. It brings quota_tree.
        if kdump_has_ext4; then hostonly='' instmods -s quota_v2; fi
}

kdump_install_systemd() {
        local _unit

        inst_multiple "$systemdutildir/systemd" "$systemdutildir/systemd-udevd" \
                "$systemdutildir/systemd-modules-load" udevadm kmod
        inst_multiple -o "$systemdutildir/systemd-executor" modprobe insmod rmmod lsmod \
                "$systemdsystemunitdir/"{systemd-udevd.service,systemd-udevd-control.socket,systemd-udevd-kernel.socket} \
                "$systemdsystemunitdir/"{systemd-udev-trigger.service,systemd-modules-load.service} \
                "$systemdsystemunitdir/"{sysinit.target,basic.target,sockets.target,shutdown.target,umount.target} \
                "$systemdsystemunitdir/"{slices.target,local-fs.target,local-fs-pre.target}
        ln_r "$systemdutildir/systemd" /init
        ln_r "$systemdutildir/systemd" /sbin/init
        inst_libdir_file "libnss_files*"

        mkdir -p "$initdir/etc/systemd/system"
        inst_simple "$moddir/system.conf" /etc/systemd/system.conf
        for _unit in systemd-udev-trigger.service systemd-modules-load.service; do
                inst_simple "$moddir/bounded.conf" "/etc/systemd/system/$_unit.d/kdump.conf"
        done
        inst_simple "$moddir/trigger.conf" /etc/systemd/system/systemd-udev-trigger.service.d/kdump-trigger.conf
        ln -sf /usr/lib/systemd/system/kdump-capture.target "$initdir/etc/systemd/system/default.target"
        ln -sf /usr/lib/systemd/system/kdump-capture.target "$initdir/etc/systemd/system/initrd.target"
        printf 'NAME=kdump\nID=kdump\n' > "$initdir/etc/initrd-release"
        ln -sf initrd-release "$initdir/etc/os-release"
        : > "$initdir/etc/machine-id"
        grep -E '^root:' "$dracutsysrootdir/etc/passwd" > "$initdir/etc/passwd"
        # Names that udev rules give devices to.
        grep -E '^(root|tty|disk|kmem|cdrom|tape|dialout|floppy|audio|video|render|input|lp|kvm|sgx):' \
                "$dracutsysrootdir/etc/group" > "$initdir/etc/group"
}

kdump_install_udev() {
        inst_rules 50-udev-default.rules 60-block.rules 60-persistent-storage.rules 64-btrfs.rules \
                80-drivers.rules 99-systemd.rules 40-vm-hotadd.rules
        inst_multiple -o "$udevdir/ata_id" "$udevdir/scsi_id" "$udevdir/udev.conf"
        mkdir -p "$initdir/etc/udev/rules.d"
}

# Whether a target needs the program
kdump_needs() {
        grep -q "/$1\$" "$KDUMP_BUILD_DIR/binaries"
}

# lvm(8) waits until udev has told, by a cookie that a rule gives back, that a device is there.
kdump_install_lvm() {
        inst_multiple -o dmsetup
        inst_rules 10-dm.rules 11-dm-lvm.rules 13-dm-disk.rules 55-dm.rules 56-lvm.rules \
                60-persistent-storage-dm.rules 95-dm-notify.rules "$moddir/69-kdump-lvm.rules"
}

# The array may be another machine's by its name, and what is written to it is ours all the same.
kdump_install_md() {
        inst_multiple -o readlink basename "$systemdsystemunitdir/mdmon@.service"
        inst_rules 01-md-raid-creating.rules 63-md-raid-arrays.rules 64-md-raid-assembly.rules
        mkdir -p "$initdir/etc/mdadm"
        echo 'HOMEHOST <ignore>' > "$initdir/etc/mdadm.conf"
        ln -sf ../mdadm.conf "$initdir/etc/mdadm/mdadm.conf"
}

kdump_install_degraded() {
        inst_simple "$moddir/kdump-degraded.service" /usr/lib/systemd/system/kdump-degraded.service
        inst_simple "$moddir/kdump-degraded.timer" /usr/lib/systemd/system/kdump-degraded.timer
        mkdir -p "$initdir/etc/systemd/system/kdump-capture.target.wants"
        ln -sf /usr/lib/systemd/system/kdump-degraded.timer \
                "$initdir/etc/systemd/system/kdump-capture.target.wants/kdump-degraded.timer"
}

# What goes with the programs that targets need
kdump_install_targets() {
        if kdump_needs systemd-networkd && declare -F kdump_install_network > /dev/null; then
                kdump_measure network kdump_install_network
        fi
        if kdump_needs lvm; then kdump_measure lvm kdump_install_lvm; fi
        if kdump_needs mdadm; then kdump_measure md kdump_install_md; fi
        if kdump_needs lvm || kdump_needs mdadm; then kdump_install_degraded; fi
}

# The drivers that are loaded at once: devices such as watchdogs have none that asks for them. A file system's module is
# loaded by mount(2), and loading one that is not used costs time and memory.
kdump_modules_load() {
        local _driver

        while read -r _driver; do
                [[ $(modinfo -k "$kernel" -n "$_driver" 2> /dev/null) == */kernel/fs/* ]] || echo "$_driver"
        done < "$KDUMP_BUILD_DIR/drivers"
}

# dracut looks for the libraries of what is executable, and packagers take that bit from modules of programs.
kdump_install_binary() {
        inst "$1" || return
        [[ $1 == *.so ]] || return 0
        # shellcheck disable=SC2046 # a list of words
        inst_multiple $(ldd "$1" | sed -n 's|.* => \(/[^ ]*\) .*|\1|p')
}

kdump_install_capture() {
        local _unit _binary

        inst_binary /usr/lib/kdumpd/kdump-capture
        inst_simple "$KDUMP_BUILD_DIR/base.json" /usr/lib/kdumpd/base.json
        for _unit in kdump-capture.target kdump-capture.service kdump-failsafe.service; do
                inst_simple "$moddir/$_unit" "/usr/lib/systemd/system/$_unit"
        done
        mkdir -p "$initdir/etc/modules-load.d" "$initdir/etc/kdump"
        kdump_modules_load > "$initdir/etc/modules-load.d/kdump.conf"

        # A shell and a few tools: for hooks that are scripts, and for failure_action shell.
        inst_multiple sh cat ls sleep
        inst_multiple -o cp mv rm mkdir ln date dd sync mount umount dmesg ps kill head tail grep blkid
        while read -r _binary; do
                kdump_measure "$(kdump_kind "$_binary")" kdump_install_binary "$_binary" ||
                        dfatal "cannot install '$_binary'"
        done < "$KDUMP_BUILD_DIR/binaries"
}

# What goes with networkd, which is among the programs if a target is reached over the network. Its libraries are those
# of systemd itself. What is set up is in the overlay.
kdump_install_network() {
        local _unitdir=/etc/systemd/system

        inst_rules 80-net-setup-link.rules
        inst_simple "$moddir/kdump-network.service" /usr/lib/systemd/system/kdump-network.service
        inst_simple "$moddir/trigger-network.conf" "$_unitdir/systemd-udev-trigger.service.d/kdump-z-network.conf"
        mkdir -p "$initdir$_unitdir/kdump-capture.target.wants" "$initdir/etc/systemd/network"
        ln -sf /usr/lib/systemd/system/kdump-network.service "$initdir$_unitdir/kdump-capture.target.wants/"
        # Who networkd becomes; any number will do in an image of its own. Of names, what the C library can tell by
        # itself is all that is there.
        grep -q '^systemd-network:' "$initdir/etc/passwd" ||
                echo 'systemd-network:x:192:192:systemd-network:/:/usr/sbin/nologin' >> "$initdir/etc/passwd"
        grep -q '^systemd-network:' "$initdir/etc/group" ||
                echo 'systemd-network:x:192:' >> "$initdir/etc/group"
        printf 'passwd: files\ngroup: files\nhosts: files dns\n' > "$initdir/etc/nsswitch.conf"
        printf '127.0.0.1 localhost\n::1 localhost\n' > "$initdir/etc/hosts"
        inst_libdir_file "libnss_dns*"
        # Else the module makes a bond0 of its own, of the wrong mode, which networkd would take for the right one.
        mkdir -p "$initdir/etc/modprobe.d"
        echo 'options bonding max_bonds=0' > "$initdir/etc/modprobe.d/kdump-bonding.conf"
}

install() {
        # Libraries at once: what a kind of target takes is measured.
        local -x DRACUT_RESOLVE_DEPS=1

        kdump_install_systemd
        kdump_install_udev
        kdump_install_capture
        kdump_install_targets
}
