#pragma once

namespace perdure::face {

/// The command line: understands argv, carries the command out, and returns the exit code.
int run_cli(int argc, char** argv);

}  // namespace perdure::face
