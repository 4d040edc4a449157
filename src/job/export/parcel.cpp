#include "job/export/parcel.h"

#include <fmt/format.h>

#include <functional>

#include "crypto/hash.h"
#include "data/stream.h"
#include "format/container/age/age.h"
#include "job/export/parts.h"
#include "system/random.h"

namespace perdure::job {

namespace {

constexpr std::size_t piece_bytes = 1 << 20, list_bytes_max = 8 << 20;
constexpr std::string_view age_end = ".age", parts_end = ".parts";

system::Path with_end(system::Path const& path, std::string_view end) {
    if (path.filename().string().ends_with(end)) return path;
    auto longer = path;
    longer += end;
    return longer;
}

system::Path without_end(system::Path const& path, std::string_view end) {
    auto name = path.filename().string();
    if (!name.ends_with(end) || name.size() == end.size()) return path;
    name.resize(name.size() - end.size());
    return path.parent_path() / name;
}

/// One file, or the parts of one, from front to back.
class FilesSource : public data::ByteSource {
public:
    explicit FilesSource(std::vector<system::Path> files) : files_(std::move(files)) {}
    Result<std::size_t> read(ByteSpan into) override {
        while (next_ <= files_.size()) {
            if (next_ > 0) {
                PD_TRY(auto const got, file_.read(into));
                if (got > 0) return got;
            }
            if (next_ == files_.size()) return std::size_t{0};
            PD_TRY(file_, system::File::open_to_read(files_[next_++]));
        }
        return std::size_t{0};
    }
    Result<data::Entry> entry_after_reading() override { return data::Entry{}; }

private:
    std::vector<system::Path> files_;
    std::size_t next_ = 0;
    system::File file_;
};

using Use = std::function<Result<void>(ByteView)>;

Result<void> each_piece(data::ByteSource& source, Use const& use, std::stop_token const& stop) {
    Bytes piece(piece_bytes);
    while (true) {
        if (stop.stop_requested()) return fail(Fault::cancelled, "stopped");
        PD_TRY(auto const got, source.read(piece));
        if (got == 0) return {};
        PD_CHECK(use(ByteView(piece).first(got)));
    }
}

Result<crypto::Digest> digest_of(data::ByteSource& source, std::stop_token const& stop) {
    crypto::Sha256 hash;
    auto const update = [&](ByteView bytes) -> Result<void> {
        hash.update(bytes);
        return {};
    };
    PD_CHECK(each_piece(source, update, stop));
    return hash.finish();
}

Result<PartList> read_list(system::Path const& folder) {
    PD_TRY(auto const text, system::read_file(folder / "parts.json", list_bytes_max));
    return PartList::parse(as_text(text));
}

/// Keys: a header line of about 200 bytes each.
std::uint64_t encrypted_bytes_most(std::uint64_t plain, format::AgeSeal const& seal) {
    return plain + 16 * (plain / (64 << 10) + 2) + 400 + 200 * seal.recipients.size();
}

Result<std::unique_ptr<format::Output>> open_output(format::OutputTree& tree,
                                                    std::string const& name, Parcel const& parcel,
                                                    std::uint64_t plain) {
    if (parcel.part_bytes == 0) return tree.create(name, {.compressible = false});
    auto const most = parcel.seal.empty() ? plain : encrypted_bytes_most(plain, parcel.seal);
    return open_parts(tree, {.name = name, .part_bytes = parcel.part_bytes, .bytes_most = most});
}

}  // namespace

Parcel Parcel::copy() const {
    Parcel out{.seal = {.recipients = seal.recipients, .work_factor = seal.work_factor},
               .part_bytes = part_bytes};
    if (seal.passphrase) out.seal.passphrase = seal.passphrase->copy();
    return out;
}

system::Path parcel_name(system::Path const& output, Parcel const& parcel) {
    bool const named = parcel.part_bytes > 0 && output.filename().string().ends_with(parts_end);
    auto name = named ? without_end(output, parts_end) : output;
    if (!parcel.seal.empty()) name = with_end(name, age_end);
    return parcel.part_bytes > 0 ? with_end(name, parts_end) : name;
}

system::Path content_name(system::Path const& output, Parcel const& parcel) {
    auto name = parcel.part_bytes > 0 ? without_end(output, parts_end) : output;
    return parcel.seal.empty() ? name : without_end(name, age_end);
}

Result<void> pack_parcel(system::Path const& plain, system::Path const& output,
                         Parcel const& parcel, format::OutputTree& tree,
                         system::Path const& written, std::stop_token stop) {
    PD_TRY(auto file, system::File::open_to_read(plain));
    PD_TRY(auto const size, file.size_bytes());
    auto const whole = parcel.part_bytes > 0 ? without_end(output, parts_end) : output;
    PD_TRY(auto out, open_output(tree, whole.filename().string(), parcel, size));
    format::AgeOutput* sealing = nullptr;
    if (!parcel.seal.empty()) {
        PD_TRY(auto made, format::encrypt_age(std::move(out), parcel.seal, system::real_random()));
        sealing = made.get();
        out = std::move(made);
    }
    crypto::Sha256 hash;
    FilesSource source({plain});
    auto const put = [&](ByteView bytes) {
        hash.update(bytes);
        return out->write(bytes);
    };
    PD_CHECK(each_piece(source, put, stop));
    PD_CHECK(out->finish());
    std::vector<system::Path> files = {written};
    if (parcel.part_bytes > 0) {
        PD_TRY(auto const list, read_list(written));
        files.clear();
        for (auto const& part : list.parts) files.push_back(written / part.name);
    }
    std::unique_ptr<data::ByteSource> back = std::make_unique<FilesSource>(std::move(files));
    if (sealing) {
        PD_TRY(back, sealing->read_back(std::move(back)));
    }
    PD_TRY(auto const found, digest_of(*back, stop));
    if (found == hash.finish()) return {};
    return fail(Fault::corrupt, "what was written reads back otherwise");
}

bool holds_parts(system::Path const& folder) {
    return system::exists(folder / "parts.json") && system::exists(folder / "JOIN.txt");
}

Result<void> check_parts(system::Path const& folder, std::stop_token stop) {
    PD_TRY(auto const list, read_list(folder));
    crypto::Sha256 whole;
    std::uint64_t bytes = 0;
    for (auto const& part : list.parts) {
        if (!system::exists(folder / part.name)) {
            return fail(Fault::corrupt, part.name + " is missing");
        }
        crypto::Sha256 hash;
        std::uint64_t size = 0;
        FilesSource source({folder / part.name});
        auto const look = [&](ByteView piece) -> Result<void> {
            hash.update(piece);
            whole.update(piece);
            size += piece.size();
            return {};
        };
        PD_CHECK(each_piece(source, look, stop));
        if (size != part.bytes) {
            return fail(Fault::corrupt,
                        fmt::format("{} has {} bytes, not {}", part.name, size, part.bytes));
        }
        if (to_hex(hash.finish()) != part.sha256) {
            return fail(Fault::corrupt, part.name + " was changed");
        }
        bytes += size;
    }
    if (bytes == list.bytes && to_hex(whole.finish()) == list.sha256) return {};
    return fail(Fault::corrupt, "the parts together are not the file that was cut");
}

}  // namespace perdure::job
