#include "job/file_hash.h"

namespace perdure::job {

Result<FileHash> hash_file(system::Path const& path, std::stop_token const& stop) {
    PD_TRY(auto const file, system::File::open_to_read(path));
    FileHash out;
    crypto::Sha256 hash;
    Bytes piece(1 << 20);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const got, file.read(piece));
        if (got == 0) break;
        hash.update(ByteView(piece).first(got));
        out.bytes += got;
    }
    out.digest = hash.finish();
    return out;
}

}  // namespace perdure::job
