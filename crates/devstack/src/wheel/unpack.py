"""Unpacks the wanted files of a zip archive: ARCHIVE TARGET WANTED. Says `DONE OF` for each file."""

import os
import re
import stat
import sys
import zipfile

archive, target, wanted = sys.argv[1:]
target = os.path.realpath(target)
os.umask(0o022)
os.makedirs(target)
with zipfile.ZipFile(archive) as source:
    matches = [(entry, re.fullmatch(wanted, entry.filename)) for entry in source.infolist()]
    entries = [(entry, match[1]) for entry, match in matches if match and not entry.is_dir()]
    for done, (entry, name) in enumerate(entries, start=1):
        path = os.path.join(target, name)
        parent = os.path.realpath(os.path.dirname(path))
        if os.path.commonpath([target, parent]) != target:
            sys.exit(f"{entry.filename} would leave the directory")
        os.makedirs(parent, exist_ok=True)
        mode = entry.external_attr >> 16
        if stat.S_ISLNK(mode):
            os.symlink(source.read(entry), path.encode())
        else:
            with source.open(entry) as content, open(path, "xb") as file:
                while block := content.read(1 << 20):
                    file.write(block)
            os.chmod(path, (mode or 0o644) & 0o755 | 0o444)
        print(done, len(entries), flush=True)
