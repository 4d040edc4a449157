// How a tar.gz is written in one pass, resumable at any member:
//
//  1. tar wants an entry's size before its data. Known sizes stream through; others wait in memory
//     up to 1 MiB, then in a spool of their own, until the entry is finished.
//  2. The tar stream is cut every 1 MiB; each piece is a gzip member of its own. gzip, tar and
//     Python read the members as one stream; a tool that salvages skips a broken one.
//  3. Headers are ustar wherever it can tell the truth (name ≤ 100 bytes of ASCII, or a prefix of
//     155; size < 8 GiB); else a pax record stands in front.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/codec.h"
#include "format/container/blocks.h"
#include "format/container/entry_tree.h"

namespace perdure::format {

namespace {

constexpr std::uint8_t state_version = 1;
constexpr std::size_t record_bytes = 512;
constexpr std::uint64_t octal_size_max = 077777777777;
constexpr std::int64_t octal_time_max = 077777777777;

struct Entry {
    std::string name;
    std::uint64_t size = 0;  ///< announced, or 0: known at its end
    std::uint64_t written = 0;
    Timestamp modified;
    bool streams = false;  ///< the header is out, data goes straight through
    bool spooled = false;
};

using Block = std::array<char, record_bytes>;

void put_text(Block& block, std::size_t at, std::size_t room, std::string_view text) {
    std::memcpy(block.data() + at, text.data(), std::min(room, text.size()));
}

void put_octal(Block& block, std::size_t at, std::size_t room, std::uint64_t value) {
    auto const digits = fmt::format("{:0{}o}", value, room - 1);
    put_text(block, at, room - 1, digits);
}

Bytes header_block(std::string_view prefix, std::string_view name, std::uint64_t size,
                   std::int64_t modified, char kind) {
    Block block{};
    put_text(block, 0, 100, name);
    put_octal(block, 100, 8, 0644);
    put_octal(block, 108, 8, 0);
    put_octal(block, 116, 8, 0);
    put_octal(block, 124, 12, size);
    put_octal(block, 136, 12, static_cast<std::uint64_t>(modified));
    put_text(block, 148, 8, "        ");
    block[156] = kind;
    put_text(block, 257, 8, std::string_view("ustar\00000", 8));
    put_text(block, 345, 155, prefix);
    unsigned sum = 0;
    for (char const c : block) sum += static_cast<unsigned char>(c);
    put_text(block, 148, 8, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    return to_bytes(as_bytes(std::string_view(block.data(), block.size())));
}

/// "LENGTH key=value\n", whose length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
    auto const rest = key.size() + value.size() + 3;
    auto length = rest + 1;
    while (fmt::format("{}", length).size() + rest != length) ++length;
    return fmt::format("{} {}={}\n", length, key, value);
}

Bytes padding(std::uint64_t size) {
    return Bytes((record_bytes - size % record_bytes) % record_bytes);
}

/// Where a long name is split into prefix and name; npos: it cannot be.
std::size_t split_at(std::string_view name) {
    if (name.size() <= 100) return 0;
    for (auto slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
        if (slash <= 155 && slash > 0 && name.size() - slash - 1 <= 100) return slash;
    }
    return std::string_view::npos;
}

Bytes headers(Entry const& entry, std::uint64_t size) {
    bool const ascii = std::ranges::all_of(
        entry.name, [](char c) { return c >= 0x20 && static_cast<unsigned char>(c) < 0x7f; });
    auto const split = split_at(entry.name);
    std::string records;
    if (!ascii || split == std::string::npos) records += pax_record("path", entry.name);
    if (size > octal_size_max) records += pax_record("size", fmt::format("{}", size));
    auto seconds = entry.modified.seconds;
    if (seconds < 0 || seconds > octal_time_max) {
        records += pax_record("mtime", fmt::format("{}", seconds));
        seconds = 0;
    }
    Bytes out;
    if (!records.empty()) {
        out = header_block("", "perdure.pax", records.size(), 0, 'x');
        append(out, as_bytes(records));
        append(out, padding(records.size()));
    }
    std::string_view const name = entry.name;
    bool const whole = split == 0 || split == std::string::npos;
    append(out, header_block(whole ? "" : name.substr(0, split),
                             whole ? name.substr(0, 100) : name.substr(split + 1),
                             size > octal_size_max ? 0 : size, seconds, '0'));
    return out;
}

class TarTree : public EntryTree {
public:
    using EntryTree::EntryTree;

    Result<void> begin() {
        PD_TRY(out_, base_.create(name_, {.modified = options_.modified, .compressible = false}));
        start_compressor({});
        return begin_names(false);
    }

    Result<void> resume(ByteView state) {
        Decoder in(state);
        PD_TRY(auto const version, in.u8());
        if (version != state_version) return fail(Fault::corrupt, "a state of another version");
        PD_TRY(offset_, in.varint());
        PD_TRY(tar_bytes_, in.varint());
        PD_TRY(spools_, in.varint());
        PD_TRY(auto const waiting, in.bytes(block_bytes));
        start_compressor(to_bytes(waiting));
        PD_TRY(auto const open, in.u8());
        if (open != 0) PD_CHECK(decode_entry(in));
        PD_CHECK(in.expect_end());
        PD_TRY(out_, base_.reopen(name_));
        return begin_names(true);
    }

    Result<void> write_entry(ByteView bytes) override {
        entry_.written += bytes.size();
        if (entry_.streams) {
            if (entry_.written > entry_.size) return wrong_size();
            return put_tar(bytes);
        }
        if (!entry_.spooled && memory_.size() + bytes.size() <= block_bytes) {
            append(memory_, bytes);
            return {};
        }
        if (!entry_.spooled) {
            PD_TRY(spool_, base_.spool(spool_name()));
            PD_CHECK(spool_->append(memory_));
            memory_.clear();
            entry_.spooled = true;
        }
        return spool_->append(bytes);
    }

    Result<void> finish_entry() override {
        if (entry_.streams) {
            if (entry_.written != entry_.size) return wrong_size();
        } else {
            PD_CHECK(put_tar(headers(entry_, entry_.written)));
            PD_CHECK(put_tar(memory_));
            PD_CHECK(put_spool());
        }
        PD_CHECK(put_tar(padding(entry_.written)));
        if (entry_.spooled) ++spools_;
        memory_.clear();
        spool_.reset();
        open_name_.clear();
        return {};
    }

    Result<Bytes> checkpoint() override {
        PD_CHECK(compressor_->drain());
        Encoder out;
        out.u8(state_version);
        out.varint(offset_);
        out.varint(tar_bytes_);
        out.varint(spools_);
        out.bytes(compressor_->waiting());
        out.u8(open_name_.empty() ? 0 : 1);
        if (!open_name_.empty()) {
            out.text(entry_.name);
            out.varint(entry_.size);
            out.varint(entry_.written);
            out.i64(entry_.modified.seconds);
            out.u8(entry_.streams ? 1 : 0);
            out.u8(entry_.spooled ? 1 : 0);
            out.bytes(memory_);
        }
        return out.take();
    }

    Result<void> finish() override {
        PD_ASSERT(open_name_.empty());
        // Two empty records end it, and tar wants whole blocks of 20 records.
        constexpr std::uint64_t blocking = 20 * record_bytes;
        auto const end = tar_bytes_ + 2 * record_bytes;
        PD_CHECK(put_tar(Bytes((end + blocking - 1) / blocking * blocking - tar_bytes_)));
        if (compressor_->waiting().empty()) {
            PD_CHECK(compressor_->drain());
        } else {
            PD_CHECK(compressor_->finish());
        }
        return out_->finish();
    }

protected:
    Result<void> begin_entry(std::string const& name, FileOptions const& options) override {
        entry_ = {.name = name,
                  .size = options.size_bytes,
                  .modified = options.modified,
                  .streams = options.size_bytes > 0};
        memory_.clear();
        if (entry_.streams) return put_tar(headers(entry_, entry_.size));
        return {};
    }

private:
    void start_compressor(Bytes waiting) {
        compressor_ = std::make_unique<BlockCompressor>(
            [](ByteView block, bool) { return gzip_member(block); },
            [this](ByteView packed) { return put(packed); }, std::move(waiting));
    }

    Result<void> put_tar(ByteView bytes) {
        tar_bytes_ += bytes.size();
        return compressor_->write(bytes);
    }

    std::string spool_name() const { return fmt::format("container/entry-{}", spools_); }

    Result<void> put_spool() {
        if (!entry_.spooled) return {};
        Bytes piece(256 << 10);
        for (std::uint64_t at = 0; at < entry_.written;) {
            PD_TRY(auto const got, spool_->read_at(piece, at));
            if (got == 0) return fail(Fault::corrupt, entry_.name + ": its spool is short");
            PD_CHECK(put_tar(ByteView(piece).first(got)));
            at += got;
        }
        return {};
    }

    Result<void> decode_entry(Decoder& in) {
        PD_TRY(entry_.name, in.text(file_name_bytes_max));
        PD_TRY(entry_.size, in.varint());
        PD_TRY(entry_.written, in.varint());
        PD_TRY(entry_.modified.seconds, in.i64());
        PD_TRY(auto const streams, in.u8());
        PD_TRY(auto const spooled, in.u8());
        PD_TRY(auto const memory, in.bytes(block_bytes));
        entry_.streams = streams != 0;
        entry_.spooled = spooled != 0;
        memory_ = to_bytes(memory);
        open_name_ = entry_.name;
        waits_ = true;
        if (entry_.spooled) {
            PD_TRY(spool_, base_.spool(spool_name()));
        }
        return {};
    }

    Error wrong_size() const {
        return fail(Fault::corrupt, fmt::format("{}: {} bytes came, {} were announced", entry_.name,
                                                entry_.written, entry_.size));
    }

    std::unique_ptr<BlockCompressor> compressor_;
    std::uint64_t tar_bytes_ = 0;  ///< of the stream before compression
    std::uint64_t spools_ = 0;     ///< used up so far
    Entry entry_;                  ///< the open one
    Bytes memory_;                 ///< of an entry whose size is not known yet
    std::unique_ptr<Spool> spool_;
};

}  // namespace

Result<std::unique_ptr<OutputTree>> open_tar_gz(OutputTree& base, std::string const& name,
                                                ContainerOptions options) {
    auto tree = std::make_unique<TarTree>(base, name, options);
    PD_CHECK(tree->begin());
    return tree;
}

Result<std::unique_ptr<OutputTree>> resume_tar_gz(OutputTree& base, std::string const& name,
                                                  ContainerOptions options, ByteView state) {
    auto tree = std::make_unique<TarTree>(base, name, options);
    PD_CHECK(tree->resume(state));
    return tree;
}

}  // namespace perdure::format
