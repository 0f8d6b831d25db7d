/** Flags by command; the key of the default command is empty. */
export type FlagsByCommand = Readonly<Record<string, readonly string[]>>;

/**
 * Returns a script that completes commands, flags and files in bash, and in zsh through its bash completion. A slice's
 * length is in `$((…))`, because zsh reads a letter after the second colon as a modifier.
 */
export function completionScript(program: string, flags: FlagsByCommand): string {
  const { "": own = [], ...commands } = flags;
  const names = Object.keys(commands);
  const cases = Object.entries(commands).map(
    ([name, words]) => `    ${name}) words="${words.join(" ")}" ;;\n`,
  );
  return `# ${program} completion >> ~/.bashrc, or ~/.zshrc
[ -z "\${ZSH_VERSION-}" ] || { autoload -U +X bashcompinit && bashcompinit; }
_${program}() {
  local word words command=
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case $word in ${names.join("|")}) command=$word; break ;; esac
  done
  case $command in
${cases.join("")}    *) words="${[...names, ...own].join(" ")}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${program} ${program}
`;
}
