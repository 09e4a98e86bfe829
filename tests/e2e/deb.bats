#!/usr/bin/env bats
# The Debian packages: lintian has nothing to say, they are the same when made again, and dpkg
# installs them where the program then runs.
load ../lib/common

setup_file() {
	export why_not= debs=$BATS_FILE_TMPDIR/debs epoch=1700000000
	local tool status=0
	for tool in dpkg-deb scdoc arm-linux-gnueabihf-gcc aarch64-linux-gnu-gcc; do
		command -v $tool >/dev/null || { why_not="$tool is not installed"; return 0; }
	done
	SOURCE_DATE_EPOCH=$epoch "$top/packaging/deb.sh" 0.1.0 "$debs" amd64 arm64 armhf >"$BATS_FILE_TMPDIR/paths" \
		2>"$BATS_FILE_TMPDIR/log" || status=$?
	[ $status != 77 ] || { why_not=$(tail -n 1 "$BATS_FILE_TMPDIR/log"); return 0; }
	[ $status = 0 ] || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

setup() {
	[ -z "$why_not" ] || skip "$why_not"
	cd "$BATS_TEST_TMPDIR"
}

@test "three packages, of which lintian says nothing" {
	need_tool lintian
	[ "$(wc -l <"$BATS_FILE_TMPDIR/paths")" = 3 ]
	while read -r deb; do
		lintian --allow-root --fail-on error,warning "$deb"
	done <"$BATS_FILE_TMPDIR/paths"
}

@test "their fields say what is in them" {
	for arch in amd64 arm64 armhf; do
		deb=$debs/imgmin_0.1.0-1_$arch.deb
		[ "$(dpkg-deb -f "$deb" Architecture)" = $arch ]
		dpkg-deb -f "$deb" Depends | grep -xE 'libc6 \(>= 2\.[0-9]+\)(, libelf1)?'
		dpkg-deb -f "$deb" Built-Using | grep -q 'libarchive (= .*openssl (= '
		dpkg-deb -x "$deb" $arch
		dpkg-deb --ctrl-tarfile "$deb" | tar -xC $arch ./md5sums
		(cd $arch && md5sum --quiet -c md5sums)
		# Whatever is installed is in the sums.
		[ "$(find $arch/usr -type f | wc -l)" = "$(wc -l <$arch/md5sums)" ]
		for page in "$top"/man/*.scd; do
			page=$(basename "$page" .scd)
			gzip -t "$arch/usr/share/man/man${page##*.}/$page.gz"
		done
		cmp "$arch/usr/share/zsh/vendor-completions/_imgmin" "$top/completions/_imgmin"
		# The schema is where imgmin.yaml(5) says.
		schema=$(zcat "$arch/usr/share/man/man5/imgmin.yaml.5.gz" | sed 's/\\&//g' |
			grep -o '/usr.*schema\.json')
		cmp "$arch/$schema" "$top/share/imgmin.schema.json"
		! grep -qF "$top" $arch/usr/bin/imgmin
	done
}

@test "made again they are the same" {
	umask 077
	TZ=Asia/Tokyo SOURCE_DATE_EPOCH=$epoch "$top/packaging/deb.sh" 0.1.0 "$PWD/again" amd64 armhf
	for arch in amd64 armhf; do
		cmp again/imgmin_0.1.0-1_$arch.deb "$debs/imgmin_0.1.0-1_$arch.deb"
	done
}

# installed ARCH: dpkg of a small Debian of that architecture takes the package, program runs.
installed() {
	local root base libc
	need_root
	sysroot base "$1" minbase
	root=$base.deb
	rm -rf "$root"
	cp -al "$base" "$root"
	# The sysroot was only unpacked: dpkg hears what of it the package asks for.
	libc=$(zcat "$root/usr/share/doc/libc6/changelog.Debian.gz" | sed -n '1s/.*(\(.*\)).*/\1/p')
	rm -f "$root/var/lib/dpkg/status"
	printf '%s\n' 'Package: libc6' 'Status: install ok installed' "Architecture: $1" \
		'Maintainer: -' "Version: $libc" 'Description: -' >"$root/var/lib/dpkg/status"
	touch "$root/var/lib/dpkg/info/libc6.list"
	cp "$debs/imgmin_0.1.0-1_$1.deb" "$root/imgmin.deb"
	"$top/tests/lib/inroot.sh" "$root" /usr/bin/dpkg -i /imgmin.deb &&
		"$top/tests/lib/inroot.sh" "$root" /usr/bin/imgmin version >version &&
		"$top/tests/lib/inroot.sh" "$root" /usr/bin/dpkg -s imgmin >status &&
		"$top/tests/lib/inroot.sh" "$root" /usr/bin/imgmin build /usr/bin/imgmin -q -o /made.tar &&
		mv "$root/made.tar" . || { rm -rf "$root"; return 1; }
	rm -rf "$root"
	[ "$(cat version)" = "$("$imgmin" version)" ]
	grep -q '^Status: install ok installed' status
	# And works there.
	"$imgmin" check --strict ./made.tar
}

@test "dpkg installs it on amd64" {
	installed amd64
}

@test "dpkg installs it on armhf" {
	installed armhf
}
