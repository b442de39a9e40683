#!/usr/bin/env bash
# build.sh [FOLDER]: builds a user-mode Linux with IPVS, ipset and both flavours of iptables into FOLDER, unless it is there;
# by default into that where the kernel suites look for it (harness/uml.ts):
# `linux`, the kernel as a program; `modules`, which say what is built into it; `version`, its name.
# The source is Debian's newest linux-source, taken with apt from the mirror that this machine uses, and nothing is installed.
# Four minutes on two cores, 2.5 GB of room while it is built.
set -euo pipefail

config=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/config
folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/ipvsc/uml-$(sha256sum "$config" | cut -c 1-12)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
suite=${SUITE:-sid} # the first that has 6.16 or newer, which brings processes under seccomp

exec 9> "$folder/lock"
flock 9 # whoever comes second finds it built
[ ! -x "$folder/linux" ] || exit 0

work=$folder/build
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
trap 'rm -rf "$work"' EXIT

fetch_source() {
  local mirror package
  mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2> /dev/null |
    grep -v security | grep -E '^(deb |URIs:)' | grep -oE '[a-z]+://[^ ]+' | head -1 || true)
  echo "deb $mirror $suite main" > "$work/sources.list"
  cat > "$work/apt.conf" << END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
Acquire::Languages "none";
APT::Sandbox::User "root";
END
  export APT_CONFIG=$work/apt.conf
  apt-get update -qq
  package=$(apt-cache pkgnames linux-source- | grep -E '^linux-source-[0-9.]+$' | sort -V | tail -1)
  apt-get download -qq "$package"
  unset APT_CONFIG
  dpkg-deb -x "$package"_*.deb source
  tar xf source/usr/src/linux-source-*.tar.xz
  rm -rf source ./*.deb
}

build() {
  local version
  make ARCH=um KCONFIG_ALLCONFIG="$config" allnoconfig
  make ARCH=um -j"$(nproc)" LOCALVERSION=-lab
  rm -rf "$folder/modules"
  make ARCH=um LOCALVERSION=-lab INSTALL_MOD_PATH="$folder/modules" modules_install
  rm -f "$folder"/modules/lib/modules/*/build
  version=$(basename "$folder"/modules/lib/modules/*)
  echo "$version" > "$folder/version"
  strip -o "$work/linux" linux
  mv "$work/linux" "$folder/linux" # last: where it is, all is
}

cd "$work"
log=$folder/build.log
if ! { fetch_source && cd linux-source-* && build; } > "$log" 2>&1 < /dev/null; then
  tail -n 20 "$log" >&2
  exit 1
fi
