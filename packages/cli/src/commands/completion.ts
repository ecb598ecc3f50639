// corral completion bash | zsh | fish: a script that lets the Tab key complete commands, options and paths.

import { Argument } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { examples } from '../verb.ts';

const scripts = {
  bash: `_corral() {
  local IFS=$'\\n'
  COMPREPLY=($(corral complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == /* ]] && compopt -o nospace
}
complete -o default -F _corral corral
`,
  zsh: `#compdef corral
_corral() {
  local -a found
  found=(\${(f)"$(corral complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( $#found )); then compadd -S '' -- $found; else _files; fi
}
compdef _corral corral
`,
  fish: `function __corral
  set -l words (commandline -opc) (commandline -ct)
  set -l found (corral complete -- $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
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
