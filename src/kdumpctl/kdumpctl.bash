# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion of kdumpctl(8)

_kdumpctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}

        if ((COMP_CWORD == 1)); then
                mapfile -t COMPREPLY < <(compgen -W \
                        'status why start stop restart reload rebuild showmem config list verify help version' -- "$cur")
                return
        fi
        case $verb in
        status | verify)
                mapfile -t COMPREPLY < <(compgen -W '--json' -- "$cur")
                ;;
        why)
                mapfile -t COMPREPLY < <(compgen -W '--json -n' -- "$cur")
                ;;
        list)
                if [[ $cur == -* ]]; then
                        mapfile -t COMPREPLY < <(compgen -W '--json' -- "$cur")
                else
                        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
                fi
                ;;
        esac
}
complete -F _kdumpctl kdumpctl
