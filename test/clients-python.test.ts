import { describeClient } from "./clients-languages.ts";
import { hasFor } from "./clients-rig.ts";

const command = 'python3 -c "import ensurepip, sys; sys.exit(sys.version_info < (3, 10))"';
describeClient("python", hasFor("the Python client", "Python 3.10 with venv", command));
