// Somebody's SQLite file, damaged or made to harm: looking at it, guessing its mapping and reading
// its rows ends, with an error or with rows that its own schema explains.
#include "catalog/export_log.h"
#include "catalog/run_log.h"
#include "data/value.h"
#include "fuzz/input.h"
#include "origin/discover/inventory.h"
#include "origin/origin.h"
#include "origin/sqlite/layout.h"

namespace {

using namespace perdure;

constexpr std::size_t rows_max = 2000;

void read_rows(origin::SourceOptions const& options) {
    auto const source = origin::open_origin(options);
    if (!source) return;
    auto const rows = (*source)->open_rows({});
    if (!rows) return;
    for (std::size_t i = 0; i < rows_max; ++i) {
        auto const row = (*rows)->next({});
        if (!row || !*row) return;
        auto const& tables = (*rows)->schema().tables;
        PD_ASSERT((*row)->table < tables.size());
        Decoder in((*row)->payload);
        for (auto const& column : tables[(*row)->table].columns) {
            if (!column.generated) PD_ASSERT(data::decode_value(in));
        }
        PD_ASSERT(in.done());
    }
}

void logs(system::Path const& file) {
    if (auto log = catalog::RunLog::open(file)) {
        static_cast<void>(log->list(20));
        static_cast<void>(log->find(1));
        static_cast<void>(log->last("backup", "app", {catalog::Outcome::ok}));
        static_cast<void>(log->tally("backup", "", Timestamp{}));
    }
    if (auto log = catalog::ExportLog::open(file)) {
        static_cast<void>(log->list(20));
        static_cast<void>(log->shares());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    static auto const scratch = *system::ScratchFolder::create();
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 4;
    if (kind == 0) {
        auto const table = origin::parse_virtual_table("t", std::string(input.rest_as_text()));
        for (auto const& argument : table.arguments) {
            PD_ASSERT(table.sql.find(argument) != std::string::npos);
        }
        static_cast<void>(origin::shadow_endings(table.module));
        return 0;
    }
    auto const folder = scratch.path() / "one";
    PD_ASSERT(system::make_folders(folder));
    auto const file = folder / "app.db";
    PD_ASSERT(system::write_file(file, input.rest(), {.durable = false}));
    if (kind == 1) {
        logs(file);
    } else {
        auto const found = origin::inspect_sqlite(file, {}, {});
        origin::SourceOptions options{.name = "app", .type = "sqlite", .path = file};
        if (found && kind == 3) options.mapping = found->mapping;
        read_rows(options);
    }
    PD_ASSERT(system::remove_tree(folder));
    return 0;
}
