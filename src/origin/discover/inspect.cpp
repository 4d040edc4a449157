#include <algorithm>

#include "origin/discover/guess.h"
#include "origin/discover/inventory.h"
#include "origin/sqlite/source.h"

namespace perdure::origin {

Result<FoundDatabase> inspect_sqlite(system::Path const& database, system::Path const& media,
                                     std::stop_token stop) {
    FoundDatabase found;
    found.path = database;
    found.engine = "sqlite";
    PD_TRY(Source source, Source::open(database, std::move(stop)));
    auto& connection = source.connection();
    PD_TRY(Layout const layout, read_layout(connection, source.is_wal()));
    GuessInput input;
    PD_TRY(input.tables, read_facts(connection, layout));
    found.size_bytes = source.size_bytes();
    for (auto const& table : input.tables) {
        if (table.skipped) continue;
        ++found.tables;
        found.rows += table.rows;
    }
    if (!media.empty()) {
        PD_TRY(input.media, probe_media(connection, layout, media));
        if (!input.media.empty()) found.media = media;
    }
    PD_CHECK(guess_subjects(connection, input, found));
    guess_records(input, found);
    return found;
}

}  // namespace perdure::origin
