#include "origin/merge/files/verdicts.h"

#include <fmt/format.h>

#include "crypto/hash.h"

namespace perdure::origin {

using enum FileItem::Finding;

void count(FileItem const& item, FileSummary& summary) {
    summary.chosen += item.finding == remove ? 0 : 1;
    ++(item.finding == create     ? summary.create
       : item.finding == conflict ? summary.conflict
       : item.finding == remove   ? summary.remove
                                  : summary.blocked);
}

void add_to_state(FileItem const& item, std::array<std::uint64_t, 4>& state) {
    auto const text =
        fmt::format("{}\n{}\n{}\n{}\n{}", static_cast<int>(item.finding), item.path,
                    data::decision_name(item.decision), item.reason, item.target_state);
    auto const hash = crypto::sha256(as_bytes(text));
    Decoder in(hash.view());
    for (auto& part : state) part += *in.u64();
}

Result<data::Decision> wished(FileItem const& item, TreeMergeRequest const& request) {
    auto const wish = request.overrides.find(request.source + "/" + item.path);
    if (wish == request.overrides.end()) return item.decision;
    bool const stays = !data::may_write(wish->second);
    bool const replaces = item.finding == conflict && wish->second == data::Decision::replace;
    if (stays || replaces) return wish->second;
    return fail(Fault::invalid,
                fmt::format("the override \"{}\" does not fit {}/{}",
                            data::decision_name(wish->second), request.source, item.path))
        .with_code(2);
}

}  // namespace perdure::origin
