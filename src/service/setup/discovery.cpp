#include "service/setup/discovery.h"

#include <fmt/format.h>

#include <algorithm>

namespace perdure::service {
namespace {

constexpr double sure = 0.9;

std::string confidence_words(double confidence) {
    if (confidence >= sure) return "sure";
    if (confidence >= 0.7) return "likely";
    return "a guess, please check";
}

}  // namespace

Remarks remarks_of(std::vector<origin::Guess> const& guesses) {
    Remarks out;
    for (auto const& guess : guesses) {
        std::string const key =
            guess.where == "subjects.owners" ? guess.where : guess.where + "." + guess.field;
        auto& remark = out[key];
        std::string text = fmt::format("{:.0f} %, {}: {}", guess.confidence * 100,
                                       confidence_words(guess.confidence), guess.reason);
        std::ranges::replace(text, '\n', ' ');
        if (guess.where == "subjects.owners" && !remark.empty()) continue;
        remark = std::move(text);
    }
    return out;
}

Result<std::string> propose_source(origin::SourceOptions source, system::Path const& folder,
                                   bool look, std::stop_token stop) {
    if (!look || source.type != "sqlite") return source_sections(source, folder);
    PD_TRY(auto const found, origin::inspect_sqlite(source.path, source.media, std::move(stop)));
    if (source.media.empty()) source.media = found.media;
    source.mapping = found.mapping;
    return source_sections(source, folder, remarks_of(found.guesses));
}

std::string proposed_sections(origin::Inventory const& inventory, system::Path const& folder) {
    std::string out;
    for (auto const& proposed : inventory.proposed) {
        Remarks remarks;
        for (auto const& database : inventory.databases) {
            if (database.path == proposed.options.path) remarks = remarks_of(database.guesses);
        }
        if (!out.empty()) out += "\n";
        if (!proposed.reason.empty()) out += "# " + proposed.reason + "\n";
        out += source_sections(proposed.options, folder, remarks);
    }
    return out;
}

}  // namespace perdure::service
