#!/bin/sh
# Make a copy of this machine, run the first commands in it, and boot it: sh host.sh FOLDER ROOT
#
# Runs in a mount namespace of its own. Everything that the copy writes stays in memory: its root is
# an overlay over the machine's. FOLDER has the file `first`, which runs with the machine's network.
# Afterwards systemd runs in further namespaces, with a loopback of its own, so that the copy has
# every port for itself.
set -eu
folder=$1 repository=$2
mount -t tmpfs -o size=4g copy "$folder/copy"
mkdir "$folder/copy/upper" "$folder/copy/work" "$folder/copy/root"
root=$folder/copy/root
mount -t overlay -o "lowerdir=/,upperdir=$folder/copy/upper,workdir=$folder/copy/work" overlay "$root"
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
# The repository may be on a file system of its own.
mkdir -p "$root$repository"
mount --bind "$repository" "$root$repository"

# What a bare host does not have: a policy that no server may start, and servers with data.
rm -f "$root/usr/sbin/policy-rc.d"
for unit in apt-daily apt-daily-upgrade man-db e2scrub_all fstrim dpkg-db-backup; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit.timer"
done
git config --file "$root/etc/gitconfig" --add safe.directory '*'
git config --file "$root/etc/gitconfig" "url.file://$repository.insteadOf" \
    https://git.kestrel.example/moportal.git
PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" /bin/bash <"$folder/first"
umount "$root/proc"

# Control groups of its own, so that its systemd does not touch the machine's.
name=moportal-walk-$$
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
    hierarchies=/sys/fs/cgroup
    mount_groups="mount -t cgroup2 cgroup2 $root/sys/fs/cgroup"
else
    hierarchies=$(dirname /sys/fs/cgroup/*/cgroup.procs)
    # systemd mounts the other hierarchies itself.
    mount_groups="mount -t tmpfs groups $root/sys/fs/cgroup
        mkdir $root/sys/fs/cgroup/systemd
        mount -t cgroup -o none,name=systemd group $root/sys/fs/cgroup/systemd"
fi
for hierarchy in $hierarchies; do
    mkdir "$hierarchy/$name"
    echo "$hierarchy/$name" >>"$folder/groups"
    for needed in cpuset.cpus cpuset.mems; do
        [ ! -e "$hierarchy/$needed" ] || cat "$hierarchy/$needed" >"$hierarchy/$name/$needed"
    done
    echo $$ >"$hierarchy/$name/cgroup.procs"
done
# systemd would not be allowed to make user namespaces in a chroot: the root is exchanged instead.
exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child sh -euc "
    mount -t proc proc $root/proc
    mount -t sysfs sysfs $root/sys
    $mount_groups
    ip link set lo up
    cd $root
    mkdir old
    pivot_root . old
    umount --lazy /old
    exec env -i container=walk PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --unit=multi-user.target --log-target=journal
" </dev/null >"$folder/boot" 2>&1
