"""Completion of command lines in shells: a script with all commands, flags and keys of configs."""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence

from .hints import OF_CONFIG

SHELLS = ("bash", "zsh", "fish")
Words = Mapping[str, Sequence[str]]

BASH = """\
_tpo_runs() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} command=run words=
    local keys="{keys}"
    case $COMP_CWORD/${{COMP_WORDS[1]}} in
        1/*) ;;
        {commands}) command=${{COMP_WORDS[1]}} ;;
    esac
    case $COMP_CWORD/$command/$current in
{cases}
    esac
    # Without a match, the shell completes names of files.
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _tpo_runs tpo-runs
"""
ZSH = """\
autoload -Uz +X compinit bashcompinit
(( $+functions[compdef] )) || compinit
bashcompinit
"""


def completion(shell: str, *, parsers: Mapping[str, ArgumentParser]) -> int:
    """Print a script that completes commands, flags and keys of configs in a shell.

    For bash:  tpo-runs completion bash > ~/.local/share/bash-completion/completions/tpo-runs
    For zsh:   tpo-runs completion zsh > ~/.tpo-runs.zsh, and put  source ~/.tpo-runs.zsh  into ~/.zshrc
    For fish:  tpo-runs completion fish > ~/.config/fish/completions/tpo-runs.fish
    """
    from .keys import all_keys
    from .kinds import SECTIONS

    keys = [f"--{key.path}" for key in all_keys() if not key.path.startswith("method.")]
    flags = {name: flags_of(parser) for name, parser in parsers.items()}
    words = {"kinds": SECTIONS, "completion": SHELLS}
    sys.stdout.write(completion_script(shell, flags, keys, words))
    return 0


def flags_of(parser: ArgumentParser) -> list[str]:
    """The flags of a command, as its usage shows them."""
    return ["--help", *re.findall(r"--[\w-]+", parser.format_usage())]


def completion_script(shell: str, flags: Words, keys: Sequence[str], words: Words) -> str:
    """The script that completes the words of `tpo-runs` in "bash", "zsh" or "fish".

    `flags` has the flags of each command, among them "run", which has no name on the command line. Some
    commands also take `keys`, the overrides of configs; `words` has arguments that are no files.
    """
    if shell == "fish":
        return _fish({name: [*of, *(keys if name in OF_CONFIG else ())] for name, of in flags.items()}, words)
    return (ZSH if shell == "zsh" else "") + _bash(flags, keys, words)


def _bash(flags: Words, keys: Sequence[str], words: Words) -> str:
    commands = [command for command in flags if command != "run"]
    cases = {
        **{
            f"*/{command}/-*": [*of, *(["$keys"] if command in OF_CONFIG else ())]
            for command, of in flags.items()
        },
        "1/*": commands,
        **{f"*/{command}/*": of for command, of in words.items()},
    }
    lines = [f'        {pattern}) words="{" ".join(of)}" ;;' for pattern, of in cases.items()]
    names = "|".join(f"*/{command}" for command in commands)
    return BASH.format(commands=names, keys=" ".join(keys), cases="\n".join(lines))


def _fish(flags: Words, words: Words) -> str:
    commands = " ".join(command for command in flags if command != "run")
    named = f"__fish_seen_subcommand_from {commands}"
    start = f"complete -c tpo-runs -n 'not {named}; and test (count (commandline -opc)) -eq 1'"
    lines = [f"{start} -a '{commands}'"]
    for command, of in flags.items():
        there = f"not {named}" if command == "run" else f"__fish_seen_subcommand_from {command}"
        lines += [f"complete -c tpo-runs -n '{there}' -l {flag.removeprefix('--')}" for flag in of]
    for command, of in words.items():
        there = f"__fish_seen_subcommand_from {command}"
        lines.append(f"complete -c tpo-runs -f -n '{there}' -a '{' '.join(of)}'")
    return "\n".join(lines) + "\n"
