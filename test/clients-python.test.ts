import { describeClient } from "./clients-languages.ts";
import { hasFor } from "./clients-rig.ts";

const command = 'python3 -c "import ensurepip, sys; sys.exit(sys.version_info < (3, 10))"';
describeClient("python", hasFor("the Python client", "Python 3.10 with venv", command), {
  http2: true,
  commands: (attempts, seconds) => `
    cd examples/clients/python
    PYTHONPATH=gen:. .venv/bin/python ../../../test/clients-follow/main.py 127.0.0.1:8080 ${attempts} ${seconds}`,
});
