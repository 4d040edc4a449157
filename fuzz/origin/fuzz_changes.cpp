// What the journal of a restore holds, and undo acts on: tables, rows, files. What is accepted is
// written back byte for byte, and no path leads out of the root.
#include "data/entry.h"
#include "fuzz/input.h"
#include "origin/merge/files/file_swap.h"
#include "origin/merge/undo.h"
#include "origin/sqlite/row_codec.h"

namespace {

using namespace perdure;
using namespace perdure::origin;

bool same(Encoder const& written, ByteView read, Decoder const& in) {
    return std::ranges::equal(written.view(), read.first(read.size() - in.left()));
}

/// Every component is the name of a file; none leads up.
bool stays_inside(std::string_view path) {
    while (true) {
        auto const cut = path.find('/');
        if (!data::check_component(path.substr(0, cut))) return false;
        if (cut == path.npos) return true;
        path.remove_prefix(cut + 1);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size) {
    fuzz::Input input(data, size);
    auto const kind = input.byte() % 4;
    auto const bytes = input.rest();
    Decoder in(bytes);
    Encoder out;
    if (kind == 0) {
        if (auto const tables = decode_tables(in)) {
            encode_tables(out, *tables);
            PD_ASSERT(same(out, bytes, in));
        }
    } else if (kind == 1) {
        if (auto const change = decode_change(in)) {
            encode_change(out, *change);
            PD_ASSERT(same(out, bytes, in));
        }
    } else if (kind == 2) {
        if (auto const change = decode_file_change(in)) {
            bool const root = change->path.empty() && change->act == FileChange::Act::dress;
            PD_ASSERT(root || stays_inside(change->path));
            PD_ASSERT(change->first.empty() || stays_inside(change->first));
            encode_file_change(out, *change);
            PD_ASSERT(same(out, bytes, in));
        }
    } else if (auto const rowid = decode_rowid(bytes)) {
        encode_rowid(out, *rowid);
        PD_ASSERT(std::ranges::equal(out.view(), bytes));
    }
    return 0;
}
