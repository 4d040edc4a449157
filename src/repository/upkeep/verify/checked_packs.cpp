#include "repository/upkeep/verify/checked_packs.h"

#include "base/codec.h"

namespace perdure::repository {

namespace {
constexpr std::uint64_t file_bytes_max = 64 << 20;
constexpr std::string_view magic = "PDCK1\n";
}  // namespace

CheckedPacks::CheckedPacks(system::Path const& cache_folder) {
    if (cache_folder.empty()) return;
    file_ = cache_folder / "checked";
    auto const bytes = system::read_file(file_, file_bytes_max);
    if (!bytes || !as_text(*bytes).starts_with(magic)) return;
    Decoder in(ByteView(*bytes).subspan(magic.size()));
    while (!in.done()) {
        auto const pack = in.id<crypto::Digest>();
        auto const seconds = in.i64();
        if (!pack || !seconds) return;
        times_[*pack] = *seconds;
    }
}

std::int64_t CheckedPacks::when(crypto::Digest const& pack) const {
    auto const found = times_.find(pack);
    return found == times_.end() ? 0 : found->second;
}

Result<void> CheckedPacks::save(std::vector<PackRow> const& existing) const {
    if (file_.empty()) return {};
    Encoder out;
    out.raw(as_bytes(magic));
    for (PackRow const& row : existing) {
        auto const found = times_.find(row.hash);
        if (found == times_.end()) continue;
        out.raw(row.hash.view());
        out.i64(found->second);
    }
    return system::write_file(file_, out.view());
}

}  // namespace perdure::repository
