"""The Tab key in real interactive shells, on a server whose nodes have hostile names. Each name must come to the command
line as one word that stands for itself: what the shell hands to the command then is the name, and nothing of it was run.

    python3 tab.py PORT path/to/corral.js [bash,zsh,fish]
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

PORT, CORRAL = sys.argv[1], os.path.abspath(sys.argv[2])
SHELLS = sys.argv[3].split(",") if len(sys.argv) > 3 else ["bash", "zsh", "fish"]
folder = tempfile.mkdtemp(prefix="corral-tab-")
mark, asked = os.path.join(folder, "RAN"), os.path.join(folder, "asked")
PATIENCE = 60

# The first two characters are typed, Tab adds the rest.
NAMES = [
    "aa`touch RAN`", "bb$(touch RAN)", "cc;touch RAN", "dd|touch RAN", "ee&touch RAN", "ff>RAN", "gg<RAN", "hh*", "ii?[a-z]",
    "jj$HOME", "kk~", "ll it's", 'mm"quoted"', "nn back\\slash", "oo{a,b}", "pp!!", "qq#", "rr 10.0.0.1:8080", "ss=(touch RAN)",
    "tt  two blanks ", "uu中文 é", "vv\\$(touch RAN)", "ww'$(touch RAN)'", "xx@host:22", "yy-n", "zz%s%n",
]  # fmt: skip

env = {
    "PATH": f"{folder}:{os.environ['PATH']}",
    "HOME": folder,
    "TERM": "xterm",
    "LANG": "C.UTF-8",
    "CORRAL_SERVER": f"127.0.0.1:{PORT}",
}


def corral(*words):
    subprocess.run(["node", CORRAL, *words], env={**env, "PATH": os.environ["PATH"]}, check=True, stdout=subprocess.DEVNULL)


def prepare():
    corral("create", "/tab", "")
    for name in NAMES:
        corral("create", f"/tab/{name}", "")
    with open(os.path.join(folder, "corral"), "w") as file:
        file.write(
            f"""#!/bin/sh
[ "$1" = complete ] && exec node {CORRAL} "$@"
[ "$1" = completion ] && exec node {CORRAL} "$@"
printf '%s\\0' "$@" > {asked}.part; mv {asked}.part {asked}
"""
        )
    os.chmod(os.path.join(folder, "corral"), 0o755)
    for name, file in (("bash", "rc.bash"), ("zsh", "_corral"), ("fish", "corral.fish")):
        script = subprocess.run(["node", CORRAL, "completion", name], capture_output=True, text=True, check=True).stdout
        with open(os.path.join(folder, file), "w") as out:
            out.write(script)
    with open(os.path.join(folder, "rc.bash"), "a") as out:
        out.write("PS1='READY '\nset +o history\nshopt -s nullglob\n")
    with open(os.path.join(folder, ".zshrc"), "w") as out:
        out.write(
            f"fpath=({folder} $fpath)\nautoload -Uz compinit && compinit -u -D\nPS1='READY '\n"
            "unsetopt BEEP PROMPT_SP\nsetopt GLOB_SUBST\n"
        )
    with open(os.path.join(folder, "rc.fish"), "w") as out:
        out.write(f"source {folder}/corral.fish\nfunction fish_prompt; echo -n 'READY '; end\nset fish_greeting\n")


COMMANDS = {
    "bash": ["bash", "--noprofile", "--rcfile", f"{folder}/rc.bash", "-i"],
    "zsh": ["zsh", "-d", "-i"],
    "fish": ["fish", "--private", "--init-command", f"source {folder}/rc.fish", "-i"],
}


class Shell:
    def __init__(self, name):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(COMMANDS[name][0], COMMANDS[name], env)
        self.seen = ""

    def read(self, until, patience=PATIENCE):
        end = time.time() + patience
        while time.time() < end:
            if re.search(until, self.seen):
                return True
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    return False
        return False

    def quiet(self, seconds):
        """Reads until nothing comes for so long."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return

    def type(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def complete(shell, typed):
    """What the command gets when this is typed, then Tab, then Enter."""
    if os.path.exists(asked):
        os.unlink(asked)
    shell.type(typed)
    shell.quiet(0.3)
    shell.type("\t")
    shell.read(r"\S", PATIENCE)  # the completion echoes what it adds
    shell.quiet(1.0)
    line = shell.seen
    shell.type("\n")
    end = time.time() + PATIENCE
    while not os.path.exists(asked) and time.time() < end:
        shell.quiet(0.1)
    shell.quiet(0.2)
    got = open(asked, encoding="utf-8").read().split("\0")[:-1] if os.path.exists(asked) else None
    return got, line


def check(name):
    shell = Shell(name)
    try:
        if not shell.read("READY "):
            print(f"not ok {name} starts: {shell.seen!r}")
            return
        shell.quiet(0.5)
        wrong = []
        for node in NAMES:
            got, line = complete(shell, f"corral get /tab/{node[:2]}")
            if got != ["get", f"/tab/{node}"]:
                wrong.append(f"{node!r} came as {got!r} after {line!r}")
                shell.type("\x03")
                shell.quiet(0.5)
        print(f"{'not ok' if wrong else 'ok'} {name} completes {len(NAMES)} hostile names as they are: {'; '.join(wrong)}")
        # Half typed: a word break, an open quote.
        halves = [
            ("corral get /tab/rr\\ 10.0.0.1:80", "/tab/rr 10.0.0.1:8080"),
            ("corral get /tab/xx@host:", "/tab/xx@host:22"),
        ]
        wrong = []
        for typed, node in halves:
            got, line = complete(shell, typed)
            if got != ["get", node]:
                wrong.append(f"{typed!r} came as {got!r} after {line!r}")
                shell.type("\x03")
                shell.quiet(0.5)
        print(f"{'not ok' if wrong else 'ok'} {name} goes on where a word was typed in part: {'; '.join(wrong)}")
        for quote in "'\"":
            for node in (name for name in NAMES if "RAN" in name):
                shell.type(f"corral get {quote}/tab/{node[:2]}")
                shell.quiet(0.3)
                shell.type("\t")
                shell.quiet(1.5)
                shell.type("\x03")
                shell.quiet(0.3)
        print(f"{'not ok' if os.path.exists(mark) else 'ok'} {name} runs nothing that a node is called")
    finally:
        shell.close()
        if os.path.exists(mark):
            os.unlink(mark)


prepare()
for one in SHELLS:
    check(one)
