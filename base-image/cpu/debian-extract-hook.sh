#!/bin/sh
# Runs in mmdebstrap after the packages are unpacked; $1 is the new root file system.
set -eu
root=$1

# Small versions of sh, ls, cat, ps …: somebody may have to look into a container,
# but nothing is installed there.
chroot "$root" /usr/bin/busybox --install -s /usr/bin
rm "$root/usr/bin/dpkg" "$root/usr/bin/dpkg-deb"

# What was installed, where vulnerability scanners look for it in an image without a package manager.
mkdir -p "$root/var/lib/dpkg/status.d"
for package in "$root"/var/cache/apt/archives/*.deb; do
  dpkg-deb --field "$package" > "$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
done

# Of the builder's machine, or without use in a container.
rm -rf "$root/etc/hostname" "$root/etc/resolv.conf" "$root/etc/fstab" "$root/etc/update-motd.d" \
  "$root/boot" "$root/usr/games" "$root/usr/include" "$root/usr/src" "$root/usr/share/base-files"
