#!/bin/sh
# Runs in mmdebstrap after the packages are unpacked; $1 is the new root file system.
set -eu
root=$1

# Small versions of sh, ls, cat, ps …: somebody may have to look into a container,
# but nothing is installed there. Asked with its own loader and libraries: a chroot would need root.
set -- "$root"/usr/lib/*-linux-gnu
for applet in $("$1"/ld-linux-*.so.* --library-path "$1" "$root/usr/bin/busybox" --list); do
  [ -e "$root/usr/bin/$applet" ] || [ -L "$root/usr/bin/$applet" ] || ln -s /usr/bin/busybox "$root/usr/bin/$applet"
done
rm "$root/usr/bin/dpkg" "$root/usr/bin/dpkg-deb"

# What was installed, where vulnerability scanners look for it in an image without a package manager.
mkdir -p "$root/var/lib/dpkg/status.d"
for package in "$root"/var/cache/apt/archives/*.deb; do
  dpkg-deb --field "$package" > "$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
done

# Of a package manager, and not there in every mode of mmdebstrap.
for name in alternatives info triggers updates; do
  rm -rf "$root/var/lib/dpkg/$name"
done

# Of the builder's machine, or without use in a container.
rm -rf "$root/etc/hostname" "$root/etc/resolv.conf" "$root/etc/fstab" "$root/etc/update-motd.d" \
  "$root/boot" "$root/usr/games" "$root/usr/include" "$root/usr/src" "$root/usr/share/base-files"
