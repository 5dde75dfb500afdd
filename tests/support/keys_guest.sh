#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command on an emulated machine whose processor has protection keys, with this machine's
# files to read, an ext4 file system at /tmp and the folder OUT, to write to, at /mnt/out.
#
#   tests/support/keys_guest.sh KERNEL OUT 'cd REPOSITORY; vmalab record -o /mnt/out/keys -- ...'
#
# KERNEL is a folder into which a Debian kernel was unpacked: apt-get download
# linux-image-VERSION-amd64, dpkg -x linux-image-*.deb KERNEL. Needed: qemu-system-x86
# busybox-static xz-utils e2fsprogs. What the command prints is in OUT/log. The processor is
# emulated by software: some 20 times slower.
set -eu
kernel=$1 out=$(realpath "$2") command=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for one in bin mod dev proc sys new; do
	mkdir -p "$work/tree/$one"
done
cp /bin/busybox "$work/tree/bin/"
at=10
for module in virtio_blk crc16 mbcache jbd2 ext4 netfs 9pnet 9pnet_virtio 9p; do
	xz -dc "$(find "$kernel" -name "$module.ko.xz")" >"$work/tree/mod/$at-$module.ko"
	at=$((at + 1))
done
cat >"$work/tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
for module in /mod/*; do insmod $module; done
mount -t 9p -o trans=virtio,ro,version=9p2000.L,cache=loose,msize=262144 files /new
mount -t ext4 /dev/vda /new/tmp
mount -t tmpfs run /new/run; mount -t tmpfs mnt /new/mnt
mkdir /new/mnt/out
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 out /new/mnt/out
for one in dev proc sys; do mount --move /$one /new/$one; done
mkdir -p /new/dev/shm /new/dev/pts
mount -t tmpfs shm /new/dev/shm; mount -t devpts pts /new/dev/pts
mount -t tracefs trace /new/sys/kernel/tracing
ifconfig lo up
exec chroot /new /bin/sh -c 'export HOME=/tmp PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	sh /mnt/out/command >/mnt/out/log 2>&1; sync; echo o >/proc/sysrq-trigger; sleep 60'
INIT
chmod +x "$work/tree/init"
(cd "$work/tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$work/initrd")
echo "$command" >"$out/command"
truncate -s 2G "$work/disk"
mkfs.ext4 -q "$work/disk"
qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 3G -cpu max,la57=off \
	-nographic -no-reboot -nodefaults -serial "file:$out/console" \
	-kernel "$kernel"/boot/vmlinuz-* -initrd "$work/initrd" \
	-append "console=ttyS0 quiet panic=-1" \
	-drive "file=$work/disk,if=virtio,format=raw,cache=unsafe" \
	-virtfs local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap \
	-virtfs "local,path=$out,mount_tag=out,security_model=none"
