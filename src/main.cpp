#include "face/cli/run.h"

int main(int argc, char** argv) {
    return perdure::face::run_cli(argc, argv);
}
