// corral completion bash | zsh | fish: a script that lets the Tab key complete commands, options and paths.

import { Argument } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../verb.ts';

// Anybody may give a node any name. It comes to the command line as one quoted word, whatever is in it, and no shell gets to
// see it as code, pattern or variable. What is typed is read without evaluating it, for the same reason.
const scripts = {
  // Readline replaces what stands behind the last of its word breaks (`:` is one), so only that part is offered.
  bash: String.raw`_corral() {
  local line=${'$'}{COMP_LINE:0:COMP_POINT} current=$2 open= typed name part
  local -a words
  COMPREPLY=()
  IFS=$' \t\n' read -a words <<< "$line"
  [[ $line == *[^\\][[:blank:]] ]] && words+=('')
  typed=${'$'}{words[${'$'}{#words[@]}-1]}
  case $typed in [\'\"]*) open=1 typed=${'$'}{typed:1} ;; esac
  words[${'$'}{#words[@]}-1]=$typed
  IFS= read current <<< "$current"
  [[ -n $open ]] && current=${'$'}{current#[\'\"]}
  local behind=$(( ${'$'}{#typed} - ${'$'}{#current} ))
  while IFS= read -r name; do
    part=${'$'}{name:behind}
    [[ -z $open ]] && printf -v part %q "$part"
    [[ -n $open && $part == *[^a-zA-Z0-9_./:@%+,=-]* ]] && continue
    COMPREPLY+=("$part")
  done < <(command corral complete -- "${'$'}{words[@]:1}" 2>/dev/null)
  [[ ${'$'}{#COMPREPLY[@]} == 1 && $typed == /* ]] && compopt -o nospace
}
complete -o default -F _corral corral
`,
  zsh: String.raw`#compdef corral
_corral() {
  local -a found
  found=("${'$'}{(@f)$(corral complete -- "${'$'}{(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then compadd -S '' -- "${'$'}{found[@]}"; else _files; fi
}
if [[ $funcstack[1] == _corral ]]; then _corral "$@"; else compdef _corral corral; fi
`,
  fish: String.raw`function __corral
  set -l words (commandline -opc) (string unescape -- (commandline -ct) | string collect --allow-empty)
  set -l found (command corral complete -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    __fish_complete_path $words[-1]
  end
end
complete -c corral -f -a '(__corral)'
`,
} as const;

export function registerCompletion(program: Command, context: Context): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)))
    .description('print a script for the shell: completes commands, options and paths')
    .action((shell: keyof typeof scripts) => void context.stdout.write(scripts[shell]));
  examples(
    command,
    'completion bash >> ~/.bashrc',
    'completion zsh > "${fpath[1]}/_corral"',
    'completion fish > ~/.config/fish/completions/corral.fish',
  );
}
