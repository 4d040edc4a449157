#include "service/health/skipped.h"

namespace perdure::service {

std::optional<LastSkipped> last_skipped(catalog::RunLog& log, std::string const& source) {
    using catalog::Outcome;
    auto const last = log.last("backup", source, {Outcome::ok, Outcome::partial});
    if (!last || !*last) return std::nullopt;
    auto const count = (*last)->skipped.find(source);
    if (count == (*last)->skipped.end()) return std::nullopt;
    LastSkipped out{(*last)->id, count->second, ""};
    auto const run = log.find(out.run);
    if (!run) return out;
    for (auto const& problem : run->problems) {
        if (!problem.path.starts_with(source + ": ")) continue;
        out.first = problem.path.substr(source.size() + 2) + ": " + problem.reason;
        break;
    }
    return out;
}

}  // namespace perdure::service
