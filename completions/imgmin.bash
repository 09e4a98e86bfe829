# bash completion for imgmin
# Made by completions/generate.py from the program's own tables; `make completions` renews it.

# The line's words up to the cursor, though bash parts them at : and = too; into $words.
_imgmin_words()
{
	local line=$COMP_LINE rest i

	words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		rest=${line#"${line%%[![:blank:]]*}"}
		if ((i)) && [[ $rest == "$line" ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
		fi
		line=${rest#"${COMP_WORDS[i]}"}
	done
}

# COMMAND OPTION: what its value is, into $kind; empty where it takes none.
_imgmin_kind()
{
	kind=
	case "$1 $2" in
	*' --progress') kind='words auto plain json none' ;;
	*' --color') kind='words auto always never' ;;
	'build --file' | 'build -f' | 'build --add' | 'build --trace' | 'build --iidfile' | \
		'build --digestfile' | 'build --metadata-file' | 'build --authfile' | \
		'slim --add' | 'slim --trace' | 'slim --iidfile' | 'slim --digestfile' | \
		'slim --metadata-file' | 'slim --authfile' | 'ldd --authfile' | \
		'inspect --output' | 'inspect -o' | 'inspect --authfile' | 'check --authfile' | \
		'diff --output' | 'diff -o' | 'diff --authfile' | 'push --authfile' | \
		'pull --authfile' | 'copy --authfile' | 'index create --authfile' | \
		'index inspect --authfile' | 'deploy --authfile' | 'k8s --authfile' | \
		'login --authfile' | 'logout --authfile') kind='file' ;;
	'build --tag' | 'build -t' | 'build --hwcaps' | 'build --install' | 'build --include' | \
		'build --exclude' | 'build --python-module' | 'build --entrypoint' | \
		'build --cmd' | 'build --env' | 'build -e' | 'build --label' | \
		'build --annotation' | 'build --user' | 'build -u' | 'build --workdir' | \
		'build -w' | 'build --expose' | 'build --volume' | 'build --source-date-epoch' | \
		'build --max-size' | 'build --creds' | 'build --retry' | 'build --retry-delay' | \
		'slim --entry' | 'slim --keep' | 'slim --tag' | 'slim -t' | 'slim --exclude' | \
		'slim --python-module' | 'slim --entrypoint' | 'slim --cmd' | 'slim --env' | \
		'slim -e' | 'slim --label' | 'slim --annotation' | 'slim --user' | 'slim -u' | \
		'slim --workdir' | 'slim -w' | 'slim --expose' | 'slim --volume' | \
		'slim --source-date-epoch' | 'slim --max-size' | 'slim --creds' | 'slim --retry' | \
		'slim --retry-delay' | 'ldd --hwcaps' | 'ldd --why' | 'ldd --creds' | \
		'ldd --retry' | 'ldd --retry-delay' | 'inspect --creds' | 'inspect --retry' | \
		'inspect --retry-delay' | 'check --max-size' | 'check --creds' | 'check --retry' | \
		'check --retry-delay' | 'diff --creds' | 'diff --retry' | 'diff --retry-delay' | \
		'push --creds' | 'push --retry' | 'push --retry-delay' | 'pull --creds' | \
		'pull --retry' | 'pull --retry-delay' | 'copy --creds' | 'copy --retry' | \
		'copy --retry-delay' | 'index create --creds' | 'index create --retry' | \
		'index create --retry-delay' | 'index inspect --creds' | 'index inspect --retry' | \
		'index inspect --retry-delay' | 'deploy --namespace' | 'deploy -n' | \
		'deploy --creds' | 'deploy --retry' | 'deploy --retry-delay' | 'k8s --device' | \
		'k8s --device-resource' | 'k8s --node-selector' | 'k8s --env' | 'k8s -e' | \
		'k8s --name' | 'k8s --namespace' | 'k8s -n' | 'k8s --creds' | 'k8s --retry' | \
		'k8s --retry-delay' | 'cache prune --keep-size' | 'login --username' | \
		'login -u' | 'login --retry' | 'login --retry-delay') kind='none' ;;
	'build --output' | 'build -o' | 'build --sysroot' | 'slim --output' | 'slim -o' | \
		'ldd --sysroot' | 'check --sysroot') kind='place' ;;
	'build --platform' | 'slim --platform' | 'ldd --platform' | 'inspect --platform' | \
		'check --platform' | 'diff --platform' | 'push --platform' | 'pull --platform' | \
		'copy --platform' | 'deploy --platform') kind='platform' ;;
	'build --library-path' | 'build --cache-dir' | 'build --cert-dir' | 'slim --cache-dir' | \
		'slim --cert-dir' | 'ldd --library-path' | 'ldd --cert-dir' | \
		'inspect --cert-dir' | 'check --library-path' | 'check --cert-dir' | \
		'diff --cert-dir' | 'push --cert-dir' | 'pull --cert-dir' | 'copy --cert-dir' | \
		'index create --cert-dir' | 'index inspect --cert-dir' | 'deploy --cert-dir' | \
		'k8s --cert-dir' | 'cache du --cache-dir' | 'cache prune --cache-dir' | \
		'login --cert-dir') kind='dir' ;;
	'build --with' | 'build --without' | 'slim --with' | 'slim --without') kind='data' ;;
	'build --strip' | 'slim --strip') kind='maybe sections all' ;;
	'build --page-size' | 'slim --page-size') kind='words 4K 16K 64K' ;;
	'build --stop-signal' | 'slim --stop-signal') kind='signal' ;;
	'build --layers' | 'slim --layers') kind='words stable single file' ;;
	'build --compression' | 'slim --compression') kind='words gzip zstd none' ;;
	'build --compression-level' | 'slim --compression-level') kind='words auto' ;;
	'build --format' | 'slim --format') kind='words oci docker' ;;
	'build --tls-verify' | 'slim --tls-verify' | 'ldd --tls-verify' | 'inspect --tls-verify' | \
		'check --tls-verify' | 'diff --tls-verify' | 'push --tls-verify' | \
		'pull --tls-verify' | 'copy --tls-verify' | 'index create --tls-verify' | \
		'index inspect --tls-verify' | 'deploy --tls-verify' | 'k8s --tls-verify' | \
		'login --tls-verify') kind='words true false' ;;
	'ldd --format') kind='words tree list json' ;;
	'inspect --format' | 'diff --format') kind='words text json html' ;;
	'check --target') kind='target' ;;
	'index inspect --format' | 'cache du --format') kind='words text json' ;;
	'deploy --engine') kind='words auto docker balena-engine containerd' ;;
	esac
}

# COMMAND: its options, into $options.
_imgmin_options()
{
	options='--progress --color --quiet --verbose --help'
	case $1 in
	'') options+=' --version' ;;
	'build') options+=' --file --tag --output --push --load --platform --sysroot
		--library-path --hwcaps --install --add --include --exclude --with --without
		--trace --include-commands --python-all --python-module --strip --no-strip
		--page-size --entrypoint --cmd --env --label --annotation --user --workdir
		--expose --volume --stop-signal --layers --compression --compression-level
		--format --source-date-epoch --iidfile --digestfile --metadata-file --max-size
		--dry-run --no-cache --cache-dir --creds --authfile --cert-dir --tls-verify
		--retry --retry-delay' ;;
	'slim') options+=' --entry --keep --tag --output --push --load --platform --add
		--exclude --with --without --trace --include-commands --python-all
		--python-module --strip --no-strip --page-size --entrypoint --cmd --env --label
		--annotation --user --workdir --expose --volume --stop-signal --layers
		--compression --compression-level --format --source-date-epoch --iidfile
		--digestfile --metadata-file --max-size --dry-run --no-cache --cache-dir --creds
		--authfile --cert-dir --tls-verify --retry --retry-delay' ;;
	'ldd') options+=' --sysroot --library-path --platform --hwcaps --format --why --creds
		--authfile --cert-dir --tls-verify --retry --retry-delay' ;;
	'inspect') options+=' --format --output --platform --creds --authfile --cert-dir
		--tls-verify --retry --retry-delay' ;;
	'check') options+=' --strict --target --max-size --platform --sysroot --library-path
		--creds --authfile --cert-dir --tls-verify --retry --retry-delay' ;;
	'diff') options+=' --format --output --platform --creds --authfile --cert-dir
		--tls-verify --retry --retry-delay' ;;
	'push') options+=' --platform --referrers --creds --authfile --cert-dir --tls-verify
		--retry --retry-delay' ;;
	'pull') options+=' --platform --creds --authfile --cert-dir --tls-verify --retry
		--retry-delay' ;;
	'copy') options+=' --all --platform --referrers --creds --authfile --cert-dir
		--tls-verify --retry --retry-delay' ;;
	'index create') options+=' --append --creds --authfile --cert-dir --tls-verify --retry
		--retry-delay' ;;
	'index inspect') options+=' --format --creds --authfile --cert-dir --tls-verify --retry
		--retry-delay' ;;
	'deploy') options+=' --engine --platform --namespace --creds --authfile --cert-dir
		--tls-verify --retry --retry-delay' ;;
	'k8s') options+=' --device --device-resource --privileged --node-selector --env --name
		--namespace --creds --authfile --cert-dir --tls-verify --retry --retry-delay' ;;
	'cache du') options+=' --cache-dir --format' ;;
	'cache prune') options+=' --all --cache-dir --keep-size' ;;
	'login') options+=' --username --password-stdin --authfile --cert-dir --tls-verify
		--retry --retry-delay' ;;
	'logout') options+=' --authfile' ;;
	esac
}

# COMMAND NUMBER: what its argument of that number is, into $kind.
_imgmin_positional()
{
	kind=none
	case "$1 $2" in
	'build '*) kind='file' ;;
	'slim '0) kind='place' ;;
	'ldd '*) kind='file' ;;
	'inspect '0) kind='place' ;;
	'check '0) kind='place' ;;
	'diff '0) kind='place' ;;
	'diff '1) kind='place' ;;
	'push '0) kind='place' ;;
	'pull '1) kind='place' ;;
	'copy '0) kind='place' ;;
	'copy '1) kind='place' ;;
	'index create '*) kind='place' ;;
	'deploy '0) kind='place' ;;
	'k8s '0) kind='place' ;;
	esac
}

# The command that the words before the cursor name, into $command, how many arguments it has so
# far, into $n, and what the word at the cursor is, into $kind; empty: an option may stand here.
_imgmin_place()
{
	local i word ended=

	command='' n=0 kind=''
	for ((i = 1; i < ${#words[@]} - 1; i++)); do
		word=${words[i]}
		if [[ -z $ended && $word == -- ]]; then
			ended=yes
		elif [[ -z $ended && $word == -?* ]]; then
			_imgmin_kind "$command" "$word"
			if [[ -n $kind && $kind != maybe* && $word != *=* ]] &&
				((++i == ${#words[@]} - 1)); then
				return
			fi
			kind=
		elif [[ -z $command ]]; then
			command=$word
		elif ((n == 0)) && _imgmin_is_group "$command"; then
			command+=" $word"
		else
			[[ $command != help* ]] || command+=" $word"
			((++n))
		fi
	done
	[[ -z $ended ]] || kind=argument
}

_imgmin_is_group()
{
	case $1 in
	index | cache) return 0 ;;
	esac
	return 1
}

# WORD...: those that begin with $cur.
_imgmin_take()
{
	local word

	for word; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done
}

# Files (f) or directories (d) that begin with $1, each behind the prefix $2.
_imgmin_files()
{
	local path

	while IFS= read -r path; do
		COMPREPLY+=("$2$path")
	done < <(compgen "-$3" -- "$1")
	((${#COMPREPLY[@]} == 0)) || compopt -o filenames 2>/dev/null
}

_imgmin_values()
{
	local kind=$1 cur=$2 prefix

	case $kind in
	words\ * | maybe\ *) _imgmin_take ${kind#* } ;;
	file) _imgmin_files "$cur" '' f ;;
	dir)
		prefix=
		[[ $cur != *:* ]] || prefix=${cur%:*}:
		_imgmin_files "${cur#"$prefix"}" "$prefix" d
		;;
	place)
		case $cur in
		oci:*) _imgmin_files "${cur#*:}" oci: d ;;
		oci-archive:* | docker-archive:*) _imgmin_files "${cur#*:}" "${cur%%:*}:" f ;;
		docker:* | docker-daemon:*) ;;
		linux/*=*) _imgmin_files "${cur#*=}" "${cur%%=*}=" f ;;
		*)
			_imgmin_files "$cur" '' f
			local files=${#COMPREPLY[@]}
			_imgmin_take docker:// docker-daemon: oci: oci-archive: docker-archive:
			# Alone, a transport is no file name whose : needs a backslash.
			((files)) || compopt +o filenames -o nospace 2>/dev/null
			;;
		esac
		;;
	platform) _imgmin_take linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x ;;
	signal) _imgmin_take SIGHUP SIGINT SIGKILL SIGQUIT SIGTERM SIGUSR1 SIGUSR2 ;;
	target) _imgmin_take pi-zero pi-zero-2 pi2 pi3 pi4 pi5 balena docker-18 docker-19 docker-20 containerd-1.4 ;;
	data)
		prefix=
		[[ $cur != *,* ]] || prefix=${cur%,*},
		cur=${cur##*,}
		_imgmin_take certs tzdata passwd nss gconv locale terminfo services tmp libgcc dlopen openssl pam
		COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
		;;
	esac
}

_imgmin()
{
	local words command kind n options cur option broken path=

	COMPREPLY=()
	_imgmin_words
	cur=${words[-1]}
	# What is quoted is a path.
	case $cur in
	[\'\"]*) cur=${cur:1} path=yes ;;
	*\\*) cur=${cur//\\/} ;;
	esac
	_imgmin_place
	if [[ -z $kind && -z $path && $cur == --*=* ]]; then
		option=${cur%%=*}
		_imgmin_kind "$command" "$option"
		_imgmin_values "${kind:-none}" "${cur#*=}"
		COMPREPLY=("${COMPREPLY[@]/#/$option=}")
	elif [[ -n $kind && $kind != argument ]]; then
		_imgmin_values "$kind" "$cur"
	elif [[ -z $kind && $cur == -* ]]; then
		_imgmin_options "$command"
		_imgmin_take $options
	elif [[ -z $command || $command == help ]]; then
		_imgmin_take build slim ldd inspect check diff push pull copy index deploy k8s cache login logout help version
	elif ((n == 0)) && _imgmin_is_group "$command"; then
		_imgmin_seconds "$command"
	elif [[ $command == help\ * ]]; then
		((n > 1)) || _imgmin_seconds "${command#help }"
	else
		_imgmin_positional "$command" "$n"
		_imgmin_values "$kind" "$cur"
	fi
	# Readline replaces only what stands behind the last : or = of the word.
	[[ -z $path ]] || return 0
	broken=$cur
	while [[ -n $broken ]]; do
		case ${broken: -1} in
		[:=]) [[ $COMP_WORDBREAKS != *"${broken: -1}"* ]] || break ;;
		esac
		broken=${broken%?}
	done
	COMPREPLY=("${COMPREPLY[@]#"$broken"}")
}

_imgmin_seconds()
{
	case $1 in
	index) _imgmin_take create inspect ;;
	cache) _imgmin_take du prune ;;
	esac
}

complete -F _imgmin imgmin
