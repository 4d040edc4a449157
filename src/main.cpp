#include "face/cli/run.h"
#include "media/workshop.h"

int main(int argc, char** argv) {
    if (perdure::media::is_worker(argc, argv)) return perdure::media::run_as_worker();
    return perdure::face::run_cli(argc, argv);
}
