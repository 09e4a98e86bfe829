# fish completion for imgmin
# Made by completions/generate.py from the program's own tables; `make completions` renews it.

# The command's words so far, without options and their values; one a line.
function __imgmin_words
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
        else if contains -- $word --progress --color --file -f --tag -t --output -o --platform --sysroot --library-path --hwcaps --install --add --include --exclude --with --without --trace --python-module --page-size --entrypoint --cmd --env -e --label --annotation --user -u --workdir -w --expose --volume --stop-signal --layers --compression --compression-level --format --source-date-epoch --iidfile --digestfile --metadata-file --max-size --cache-dir --creds --authfile --cert-dir --tls-verify --retry --retry-delay --entry --keep --why --target --engine --namespace -n --device --device-resource --node-selector --name --keep-size --username
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# COMMAND [NUMBER [more]]: is it the command, and is its argument of that number, or a later one,
# to come?
function __imgmin_is
    set -l words (__imgmin_words)
    set -l name (string split ' ' -- $argv[1])
    set -l n (count $name)
    test (count $words) -ge $n; or return 1
    test "$words[1..$n]" = "$argv[1]"; or return 1
    set -q argv[2]; or return 0
    string match -q -- '-*' (commandline -ct); and return 1
    set -q argv[3]; and test (count $words) -gt (math $n + $argv[2]); and return 0
    test (count $words) -eq (math $n + $argv[2])
end

# WORD...: these are all the words so far.
function __imgmin_only
    set -l words (__imgmin_words)
    test "$words" = "$argv"
end

function __imgmin_places
    set -l word (commandline -ct | string replace -r '^--?[a-z-]*=' '')
    switch $word
        case 'oci:*'
            __fish_complete_directories (string replace oci: '' -- $word) '' |
                string replace -r '^' oci:
        case 'oci-archive:*' 'docker-archive:*'
            set -l parts (string split -m 1 : -- $word)
            __fish_complete_path $parts[2] | string replace -r '^' $parts[1]:
        case 'linux/*=*'
            set -l parts (string split -m 1 = -- $word)
            __fish_complete_path $parts[2] | string replace -r '^' $parts[1]=
        case 'docker:*' 'docker-daemon:*'
        case '*'
            printf '%s\n' docker:// docker-daemon: oci: oci-archive: docker-archive:
            __fish_complete_path $word
    end
end

function __imgmin_data
    __fish_complete_list , __imgmin_data_names
end

function __imgmin_data_names
    printf '%s\t%s\n' \
        'certs' 'certificates of the authorities that TLS trusts' \
        'tzdata' 'time zones; tzdata:Europe/Berlin brings one' \
        'passwd' '/etc/passwd and /etc/group' \
        'nss' '/etc/nsswitch.conf, and the modules it names' \
        'gconv' 'iconv'\''s conversions; gconv:SHIFT_JIS brings one' \
        'locale' 'locale:C.UTF-8: what setlocale reads for a language' \
        'terminfo' 'common terminals; terminfo:tmux brings one more' \
        'services' '/etc/services and /etc/protocols' \
        'tmp' 'an empty /tmp for everyone' \
        'libgcc' 'libgcc_s.so.1, which glibc opens when threads are ended' \
        'dlopen' 'libraries whose names stand in a program'\''s text; dlopen:NAME brings one' \
        'openssl' 'OpenSSL'\''s openssl.cnf and its loadable providers' \
        'pam' 'PAM'\''s configuration and modules'
end

function __imgmin_targets
    printf '%s\t%s\n' \
        'pi-zero' 'a Pi Zero or Pi 1' \
        'pi-zero-2' 'a Pi Zero 2' \
        'pi2' 'a Pi 2' \
        'pi3' 'a Pi 3' \
        'pi4' 'a Pi 4' \
        'pi5' 'a Pi 5' \
        'balena' 'balena-engine' \
        'docker-18' 'Docker 18' \
        'docker-19' 'Docker 19' \
        'docker-20' 'Docker 20' \
        'containerd-1.4' 'containerd 1.4'
end

complete -c imgmin -f
complete -c imgmin -l progress -x -a 'auto plain json none' -d 'how progress is shown on stderr: auto, plain, json or none'
complete -c imgmin -l color -x -a 'auto always never' -d 'colours: auto (on a terminal), always or never'
complete -c imgmin -l quiet -s q -d 'only warnings and errors on stderr'
complete -c imgmin -l verbose -s v -d 'say more on stderr'
complete -c imgmin -l help -s h -d 'show this help'
complete -c imgmin -n __imgmin_only -l version -d 'print the version'
complete -c imgmin -n '__imgmin_only' -a build -d 'Make an image from programs and what their loader will ask for'
complete -c imgmin -n '__imgmin_only' -a slim -d 'Make an image smaller: what its programs need, and no more'
complete -c imgmin -n '__imgmin_only' -a ldd -d 'Show what a program'\''s loader would load, and from where'
complete -c imgmin -n '__imgmin_only' -a inspect -d 'Show what is in an image, and why'
complete -c imgmin -n '__imgmin_only' -a check -d 'Tell whether an image is sound and its programs would start'
complete -c imgmin -n '__imgmin_only' -a diff -d 'Show what differs between two images, and what an update downloads'
complete -c imgmin -n '__imgmin_only' -a push -d 'Send an image to a registry'
complete -c imgmin -n '__imgmin_only' -a pull -d 'Fetch an image from a registry'
complete -c imgmin -n '__imgmin_only' -a copy -d 'Copy an image between registries, layouts, archives and engines'
complete -c imgmin -n '__imgmin_only' -a index -d 'create, inspect'
complete -c imgmin -n '__imgmin_only' -a deploy -d 'Load an image into the engine of a device over ssh'
complete -c imgmin -n '__imgmin_only' -a k8s -d 'Print a Kubernetes DaemonSet for an image'
complete -c imgmin -n '__imgmin_only' -a cache -d 'du, prune'
complete -c imgmin -n '__imgmin_only' -a login -d 'Keep credentials for a registry'
complete -c imgmin -n '__imgmin_only' -a logout -d 'Forget the credentials for a registry'
complete -c imgmin -n '__imgmin_only' -a help -d 'Show the commands, or the options of one'
complete -c imgmin -n '__imgmin_only' -a version -d 'Print the version'
complete -c imgmin -n '__imgmin_only index' -a create -d 'Join images of several jobs into one multi-arch tag'
complete -c imgmin -n '__imgmin_only index' -a inspect -d 'List the images of a multi-arch tag'
complete -c imgmin -n '__imgmin_only cache' -a du -d 'Show what the cache takes up'
complete -c imgmin -n '__imgmin_only cache' -a prune -d 'Remove from the cache what is not needed any more'
complete -c imgmin -n '__imgmin_only help' -a build -d 'Make an image from programs and what their loader will ask for'
complete -c imgmin -n '__imgmin_only help' -a slim -d 'Make an image smaller: what its programs need, and no more'
complete -c imgmin -n '__imgmin_only help' -a ldd -d 'Show what a program'\''s loader would load, and from where'
complete -c imgmin -n '__imgmin_only help' -a inspect -d 'Show what is in an image, and why'
complete -c imgmin -n '__imgmin_only help' -a check -d 'Tell whether an image is sound and its programs would start'
complete -c imgmin -n '__imgmin_only help' -a diff -d 'Show what differs between two images, and what an update downloads'
complete -c imgmin -n '__imgmin_only help' -a push -d 'Send an image to a registry'
complete -c imgmin -n '__imgmin_only help' -a pull -d 'Fetch an image from a registry'
complete -c imgmin -n '__imgmin_only help' -a copy -d 'Copy an image between registries, layouts, archives and engines'
complete -c imgmin -n '__imgmin_only help' -a index -d 'create, inspect'
complete -c imgmin -n '__imgmin_only help' -a deploy -d 'Load an image into the engine of a device over ssh'
complete -c imgmin -n '__imgmin_only help' -a k8s -d 'Print a Kubernetes DaemonSet for an image'
complete -c imgmin -n '__imgmin_only help' -a cache -d 'du, prune'
complete -c imgmin -n '__imgmin_only help' -a login -d 'Keep credentials for a registry'
complete -c imgmin -n '__imgmin_only help' -a logout -d 'Forget the credentials for a registry'
complete -c imgmin -n '__imgmin_only help' -a help -d 'Show the commands, or the options of one'
complete -c imgmin -n '__imgmin_only help' -a version -d 'Print the version'
complete -c imgmin -n '__imgmin_only help index' -a create -d 'Join images of several jobs into one multi-arch tag'
complete -c imgmin -n '__imgmin_only help index' -a inspect -d 'List the images of a multi-arch tag'
complete -c imgmin -n '__imgmin_only help cache' -a du -d 'Show what the cache takes up'
complete -c imgmin -n '__imgmin_only help cache' -a prune -d 'Remove from the cache what is not needed any more'
complete -c imgmin -n '__imgmin_is build' -l file -s f -rF -d 'read this imgmin.yaml; a PATH takes the place of its programs'
complete -c imgmin -n '__imgmin_is build' -l tag -s t -x -d 'name of the image'
complete -c imgmin -n '__imgmin_is build' -l output -s o -x -a '(__imgmin_places)' -d 'where it goes: FILE, oci:DIR, oci-archive:FILE or -; default ./NAME.tar'
complete -c imgmin -n '__imgmin_is build' -l push -d 'push every --tag to its registry'
complete -c imgmin -n '__imgmin_is build' -l load -d 'load it into Docker or balena-engine'
complete -c imgmin -n '__imgmin_is build' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'assert the platform; a program of another one is an error'
complete -c imgmin -n '__imgmin_is build' -l sysroot -x -a '(__imgmin_places)' -d 'directory or image (docker://debian:bookworm-slim) that libraries come from; one per platform'
complete -c imgmin -n '__imgmin_is build' -l library-path -x -a '(__fish_complete_directories)' -d 'search as LD_LIBRARY_PATH; =DIR is inside the sysroot'
complete -c imgmin -n '__imgmin_is build' -l hwcaps -x -d 'prefer libraries of glibc-hwcaps/NAME'
complete -c imgmin -n '__imgmin_is build' -l install -x -d 'where the program lands in the image; a directory ends in /'
complete -c imgmin -n '__imgmin_is build' -l add -rF -d 'add a file or folder of this machine'
complete -c imgmin -n '__imgmin_is build' -l include -x -d 'add files of the sysroot, ** crosses directories'
complete -c imgmin -n '__imgmin_is build' -l exclude -x -d 'leave files of the sysroot out'
complete -c imgmin -n '__imgmin_is build' -l with -x -a '(__imgmin_data)' -d 'take runtime data by name: certs, tzdata, passwd, locale:NAME ...'
complete -c imgmin -n '__imgmin_is build' -l without -x -a '(__imgmin_data)' -d 'leave such data out though a program calls for it'
complete -c imgmin -n '__imgmin_is build' -l trace -rF -d 'add what the log of a '\''strace -f'\'' run shows used'
complete -c imgmin -n '__imgmin_is build' -l include-commands -d 'take the programs that a shell script calls'
complete -c imgmin -n '__imgmin_is build' -l python-all -d 'take the whole standard library of Python'
complete -c imgmin -n '__imgmin_is build' -l python-module -x -d 'take a Python module as if the script imported it'
complete -c imgmin -n '__imgmin_is build' -l strip -f -a 'sections all' -d 'drop what no loader reads (default); all: section headers too'
complete -c imgmin -n '__imgmin_is build' -l no-strip -d 'leave ELF files as they are'
complete -c imgmin -n '__imgmin_is build' -l page-size -x -a '4K 16K 64K' -d 'largest page of the devices'\'' kernels; default 4K, 64K on arm64 and ppc64le'
complete -c imgmin -n '__imgmin_is build' -l entrypoint -x -d 'what a container starts: words or a JSON array; default: the first program'
complete -c imgmin -n '__imgmin_is build' -l cmd -x -d 'default arguments: words or a JSON array'
complete -c imgmin -n '__imgmin_is build' -l env -s e -x -d 'environment variable'
complete -c imgmin -n '__imgmin_is build' -l label -x -d 'label in the config'
complete -c imgmin -n '__imgmin_is build' -l annotation -x -d 'annotation of manifest and index'
complete -c imgmin -n '__imgmin_is build' -l user -s u -x -d 'who the program runs as'
complete -c imgmin -n '__imgmin_is build' -l workdir -s w -x -d 'its working directory'
complete -c imgmin -n '__imgmin_is build' -l expose -x -d 'port it listens on'
complete -c imgmin -n '__imgmin_is build' -l volume -x -d 'directory to be mounted'
complete -c imgmin -n '__imgmin_is build' -l stop-signal -x -a 'SIGHUP SIGINT SIGKILL SIGQUIT SIGTERM SIGUSR1 SIGUSR2' -d 'what ends it'
complete -c imgmin -n '__imgmin_is build' -l layers -x -a 'stable single file' -d 'how files become layers; default stable'
complete -c imgmin -n '__imgmin_is build' -l compression -x -a 'gzip zstd none' -d 'gzip (default, read by every engine), zstd or none'
complete -c imgmin -n '__imgmin_is build' -l compression-level -x -a 'auto' -d 'default auto, by the layer'\''s size'
complete -c imgmin -n '__imgmin_is build' -l format -x -a 'oci docker' -d 'media types: oci (default), or docker for engines before 2018'
complete -c imgmin -n '__imgmin_is build' -l source-date-epoch -x -d 'time of everything in the image; default $SOURCE_DATE_EPOCH, else 0'
complete -c imgmin -n '__imgmin_is build' -l iidfile -rF -d 'write the image id there'
complete -c imgmin -n '__imgmin_is build' -l digestfile -rF -d 'write the digest there'
complete -c imgmin -n '__imgmin_is build' -l metadata-file -rF -d 'write results as JSON there'
complete -c imgmin -n '__imgmin_is build' -l max-size -x -d 'write nothing where an image'\''s layers are larger, such as 2MB'
complete -c imgmin -n '__imgmin_is build' -l dry-run -d 'report, write nothing'
complete -c imgmin -n '__imgmin_is build' -l no-cache -d 'neither use nor keep finished layers'
complete -c imgmin -n '__imgmin_is build' -l cache-dir -x -a '(__fish_complete_directories)' -d 'where finished layers are kept; default $XDG_CACHE_HOME/imgmin'
complete -c imgmin -n '__imgmin_is build' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is build' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is build' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is build' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is build' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is build' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is build 0 more' -F
complete -c imgmin -n '__imgmin_is slim' -l entry -x -d 'a program that is started in it, beside entrypoint and command'
complete -c imgmin -n '__imgmin_is slim' -l keep -x -d 'keep these files too, ** crosses directories'
complete -c imgmin -n '__imgmin_is slim' -l tag -s t -x -d 'name of the image'
complete -c imgmin -n '__imgmin_is slim' -l output -s o -x -a '(__imgmin_places)' -d 'where it goes: FILE, oci:DIR, oci-archive:FILE or -; default ./NAME.tar'
complete -c imgmin -n '__imgmin_is slim' -l push -d 'push every --tag to its registry'
complete -c imgmin -n '__imgmin_is slim' -l load -d 'load it into Docker or balena-engine'
complete -c imgmin -n '__imgmin_is slim' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only this platform of an index; default all'
complete -c imgmin -n '__imgmin_is slim' -l add -rF -d 'add a file or folder of this machine'
complete -c imgmin -n '__imgmin_is slim' -l exclude -x -d 'leave files out'
complete -c imgmin -n '__imgmin_is slim' -l with -x -a '(__imgmin_data)' -d 'take runtime data by name: certs, tzdata, passwd, locale:NAME ...'
complete -c imgmin -n '__imgmin_is slim' -l without -x -a '(__imgmin_data)' -d 'leave such data out though a program calls for it'
complete -c imgmin -n '__imgmin_is slim' -l trace -rF -d 'add what the log of a '\''strace -f'\'' run shows used'
complete -c imgmin -n '__imgmin_is slim' -l include-commands -d 'take the programs that a shell script calls'
complete -c imgmin -n '__imgmin_is slim' -l python-all -d 'take the whole standard library of Python'
complete -c imgmin -n '__imgmin_is slim' -l python-module -x -d 'take a Python module as if the script imported it'
complete -c imgmin -n '__imgmin_is slim' -l strip -f -a 'sections all' -d 'drop what no loader reads (default); all: section headers too'
complete -c imgmin -n '__imgmin_is slim' -l no-strip -d 'leave ELF files as they are'
complete -c imgmin -n '__imgmin_is slim' -l page-size -x -a '4K 16K 64K' -d 'largest page of the devices'\'' kernels; default 4K, 64K on arm64 and ppc64le'
complete -c imgmin -n '__imgmin_is slim' -l entrypoint -x -d 'what a container starts: words or a JSON array; default: the first program'
complete -c imgmin -n '__imgmin_is slim' -l cmd -x -d 'default arguments: words or a JSON array'
complete -c imgmin -n '__imgmin_is slim' -l env -s e -x -d 'environment variable'
complete -c imgmin -n '__imgmin_is slim' -l label -x -d 'label in the config'
complete -c imgmin -n '__imgmin_is slim' -l annotation -x -d 'annotation of manifest and index'
complete -c imgmin -n '__imgmin_is slim' -l user -s u -x -d 'who the program runs as'
complete -c imgmin -n '__imgmin_is slim' -l workdir -s w -x -d 'its working directory'
complete -c imgmin -n '__imgmin_is slim' -l expose -x -d 'port it listens on'
complete -c imgmin -n '__imgmin_is slim' -l volume -x -d 'directory to be mounted'
complete -c imgmin -n '__imgmin_is slim' -l stop-signal -x -a 'SIGHUP SIGINT SIGKILL SIGQUIT SIGTERM SIGUSR1 SIGUSR2' -d 'what ends it'
complete -c imgmin -n '__imgmin_is slim' -l layers -x -a 'stable single file' -d 'how files become layers; default stable'
complete -c imgmin -n '__imgmin_is slim' -l compression -x -a 'gzip zstd none' -d 'gzip (default, read by every engine), zstd or none'
complete -c imgmin -n '__imgmin_is slim' -l compression-level -x -a 'auto' -d 'default auto, by the layer'\''s size'
complete -c imgmin -n '__imgmin_is slim' -l format -x -a 'oci docker' -d 'media types: oci (default), or docker for engines before 2018'
complete -c imgmin -n '__imgmin_is slim' -l source-date-epoch -x -d 'time of everything in the image; default $SOURCE_DATE_EPOCH, else 0'
complete -c imgmin -n '__imgmin_is slim' -l iidfile -rF -d 'write the image id there'
complete -c imgmin -n '__imgmin_is slim' -l digestfile -rF -d 'write the digest there'
complete -c imgmin -n '__imgmin_is slim' -l metadata-file -rF -d 'write results as JSON there'
complete -c imgmin -n '__imgmin_is slim' -l max-size -x -d 'write nothing where an image'\''s layers are larger, such as 2MB'
complete -c imgmin -n '__imgmin_is slim' -l dry-run -d 'report, write nothing'
complete -c imgmin -n '__imgmin_is slim' -l no-cache -d 'neither use nor keep finished layers'
complete -c imgmin -n '__imgmin_is slim' -l cache-dir -x -a '(__fish_complete_directories)' -d 'where finished layers are kept; default $XDG_CACHE_HOME/imgmin'
complete -c imgmin -n '__imgmin_is slim' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is slim' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is slim' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is slim' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is slim' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is slim' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is slim 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is ldd' -l sysroot -x -a '(__imgmin_places)' -d 'directory or image (docker://debian:bookworm-slim) that libraries come from; one per platform'
complete -c imgmin -n '__imgmin_is ldd' -l library-path -x -a '(__fish_complete_directories)' -d 'search as LD_LIBRARY_PATH; =DIR is inside the sysroot'
complete -c imgmin -n '__imgmin_is ldd' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'assert the platform; a program of another one is an error'
complete -c imgmin -n '__imgmin_is ldd' -l hwcaps -x -d 'prefer libraries of glibc-hwcaps/NAME'
complete -c imgmin -n '__imgmin_is ldd' -l format -x -a 'tree list json' -d 'tree, list (what ld.so prints) or json'
complete -c imgmin -n '__imgmin_is ldd' -l why -x -d 'only say by whom the library NAME is asked for'
complete -c imgmin -n '__imgmin_is ldd' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is ldd' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is ldd' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is ldd' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is ldd' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is ldd' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is ldd 0 more' -F
complete -c imgmin -n '__imgmin_is inspect' -l format -x -a 'text json html' -d 'text, json, or html: one self-contained page (default: by the FILE'\''s ending, else text)'
complete -c imgmin -n '__imgmin_is inspect' -l output -s o -rF -d 'write there instead of to stdout'
complete -c imgmin -n '__imgmin_is inspect' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only what a device of this platform would run'
complete -c imgmin -n '__imgmin_is inspect' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is inspect' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is inspect' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is inspect' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is inspect' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is inspect' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is inspect 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is check' -l strict -d 'warnings count: exit status 4'
complete -c imgmin -n '__imgmin_is check' -l target -x -a '(__imgmin_targets)' -d 'a device or engine that must be able to take it, such as pi-zero, pi5, balena or docker-18'
complete -c imgmin -n '__imgmin_is check' -l max-size -x -d 'the layers of an image may have that many bytes as they are sent, such as 2MB or 1.5MiB'
complete -c imgmin -n '__imgmin_is check' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only what a device of this platform would run; of a FILE: must run there'
complete -c imgmin -n '__imgmin_is check' -l sysroot -x -a '(__imgmin_places)' -d 'directory or image that the libraries of a FILE come from'
complete -c imgmin -n '__imgmin_is check' -l library-path -x -a '(__fish_complete_directories)' -d 'for a FILE: search as LD_LIBRARY_PATH; =DIR is inside the sysroot'
complete -c imgmin -n '__imgmin_is check' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is check' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is check' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is check' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is check' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is check' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is check 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is diff' -l format -x -a 'text json html' -d 'text, json, or html: one self-contained page (default: by the FILE'\''s ending, else text)'
complete -c imgmin -n '__imgmin_is diff' -l output -s o -rF -d 'write there instead of to stdout'
complete -c imgmin -n '__imgmin_is diff' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only what a device of this platform would run; default: all'
complete -c imgmin -n '__imgmin_is diff' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is diff' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is diff' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is diff' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is diff' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is diff' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is diff 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is diff 1' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is push' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only what a device of this platform would run; default: all'
complete -c imgmin -n '__imgmin_is push' -l referrers -d 'take along what refers to the image: SBOMs, signatures'
complete -c imgmin -n '__imgmin_is push' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is push' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is push' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is push' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is push' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is push' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is push 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is pull' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only what a device of this platform would run; default: all'
complete -c imgmin -n '__imgmin_is pull' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is pull' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is pull' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is pull' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is pull' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is pull' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is pull 1' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is copy' -l all -d 'all platforms; this is the default'
complete -c imgmin -n '__imgmin_is copy' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'only what a device of this platform would run; default: all'
complete -c imgmin -n '__imgmin_is copy' -l referrers -d 'take along what refers to the image: SBOMs, signatures'
complete -c imgmin -n '__imgmin_is copy' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is copy' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is copy' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is copy' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is copy' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is copy' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is copy 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is copy 1' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is "index create"' -l append -d 'keep the images that REF holds already'
complete -c imgmin -n '__imgmin_is "index create"' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is "index create"' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is "index create"' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is "index create"' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is "index create"' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is "index create"' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is "index create" 1 more' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is "index inspect"' -l format -x -a 'text json' -d 'text (default), or json: the index byte for byte'
complete -c imgmin -n '__imgmin_is "index inspect"' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is "index inspect"' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is "index inspect"' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is "index inspect"' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is "index inspect"' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is "index inspect"' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is deploy' -l engine -x -a 'auto docker balena-engine containerd' -d 'of the device; default auto: the first of these that is there'
complete -c imgmin -n '__imgmin_is deploy' -l platform -x -a 'linux/386 linux/amd64 linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/mips64le linux/ppc64le linux/riscv64 linux/s390x' -d 'what the device is; default: what it says'
complete -c imgmin -n '__imgmin_is deploy' -l namespace -s n -x -d 'of containerd, such as k8s.io; default: that of ctr on the device'
complete -c imgmin -n '__imgmin_is deploy' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is deploy' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is deploy' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is deploy' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is deploy' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is deploy' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is deploy 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is k8s' -l device -x -d 'a device of the node, with one of the next two'
complete -c imgmin -n '__imgmin_is k8s' -l device-resource -x -d 'of a device plugin on the node, which gives the container its device'
complete -c imgmin -n '__imgmin_is k8s' -l privileged -d 'give the container every device and every right on the node'
complete -c imgmin -n '__imgmin_is k8s' -l node-selector -x -d 'only on nodes with this label'
complete -c imgmin -n '__imgmin_is k8s' -l env -s e -x -d 'environment variable'
complete -c imgmin -n '__imgmin_is k8s' -l name -x -d 'of the DaemonSet; default: the image'\''s'
complete -c imgmin -n '__imgmin_is k8s' -l namespace -s n -x -d 'where kubectl apply puts it'
complete -c imgmin -n '__imgmin_is k8s' -l creds -x -d 'who you are to the registry; imgmin login keeps it off the command line'
complete -c imgmin -n '__imgmin_is k8s' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is k8s' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is k8s' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is k8s' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is k8s' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is k8s 0' -a '(__imgmin_places)'
complete -c imgmin -n '__imgmin_is "cache du"' -l cache-dir -x -a '(__fish_complete_directories)' -d 'the cache; default: $XDG_CACHE_HOME/imgmin, else ~/.cache/imgmin'
complete -c imgmin -n '__imgmin_is "cache du"' -l format -x -a 'text json' -d 'text (default) or json'
complete -c imgmin -n '__imgmin_is "cache prune"' -l all -d 'remove everything that is not being written'
complete -c imgmin -n '__imgmin_is "cache prune"' -l cache-dir -x -a '(__fish_complete_directories)' -d 'the cache; default: $XDG_CACHE_HOME/imgmin, else ~/.cache/imgmin'
complete -c imgmin -n '__imgmin_is "cache prune"' -l keep-size -x -d 'remove the least recently used until no more than this is left'
complete -c imgmin -n '__imgmin_is login' -l username -s u -x -d 'who; asked for on the terminal'
complete -c imgmin -n '__imgmin_is login' -l password-stdin -d 'the password is what stdin holds; else it is asked for'
complete -c imgmin -n '__imgmin_is login' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
complete -c imgmin -n '__imgmin_is login' -l cert-dir -x -a '(__fish_complete_directories)' -d 'certificates (*.crt) and client keys (*.cert, *.key) for the registry'
complete -c imgmin -n '__imgmin_is login' -l tls-verify -x -a 'true false' -d 'false: any certificate will do, and plain HTTP'
complete -c imgmin -n '__imgmin_is login' -l retry -x -d 'how often a request is repeated; default 5'
complete -c imgmin -n '__imgmin_is login' -l retry-delay -x -d 'before the first repetition; later ones wait longer'
complete -c imgmin -n '__imgmin_is logout' -l authfile -rF -d 'credentials in the format of Docker'\''s config.json'
