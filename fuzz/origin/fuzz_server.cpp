// What a machine says of itself: dpkg's files, proc's tables, certificates, names of a schema.
#include "data/mapping_path.h"
#include "fuzz/input.h"
#include "origin/discover/certificates.h"
#include "origin/discover/names.h"
#include "origin/server/packages.h"
#include "origin/server/processes.h"

namespace {

using namespace perdure;
using namespace perdure::origin;

void names(fuzz::Input input) {
    auto const table = std::string(input.text()), column = std::string(input.text());
    for (auto const& word : words_of(column)) PD_ASSERT(!word.empty());
    auto const path = data::parse_mapping_path(path_name(column));
    PD_ASSERT(path && path->kind == data::MappingPath::Kind::column && path->column == column);
    PD_ASSERT(singular(column).size() <= column.size() + 1);
    static_cast<void>(record_type(table));
    static_cast<void>(plain(column));
    auto const prefix = shared_prefix({column, table, std::string(input.rest_as_text())});
    PD_ASSERT(column.starts_with(prefix) && table.starts_with(prefix));
    static_cast<void>(bare_column(column, table, prefix));
    auto const rank = rank_among(column, {"a", "title", "name"});
    PD_ASSERT(rank >= 0 && rank <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 6) {
        case 0: {
            PackageFiles files;
            read_status(input.rest_as_text(), files);
            for (auto const& [path, config] : files.configs) PD_ASSERT(path.starts_with('/'));
            for (auto const& package : files.packages) PD_ASSERT(!package.name.empty());
            read_extended_states(input.rest_as_text(), files);
            break;
        }
        case 1: {
            PackageFiles files;
            read_list(input.rest_as_text(), {"/etc", "/srv"}, files);
            for (auto const& path : files.owned) {
                PD_ASSERT(path.starts_with("/etc") || path.starts_with("/srv"));
            }
            break;
        }
        case 2:
            for (auto const& [inode, address] : listening_sockets(input.rest_as_text())) {
                PD_ASSERT(address.find(':') != address.npos);
            }
            break;
        case 3: {
            CertificateSearch search;
            bool const held = search.look_at("/x.pem", input.rest());
            auto const found = search.finish(Timestamp{1'800'000'000, 0});
            if (!held) PD_ASSERT(found.empty());
            break;
        }
        default:
            names(input);
    }
    return 0;
}
