#include "format/container/npz/npz_writer.h"

#include <fmt/format.h>

#include "base/codec.h"
#include "format/container/inflate.h"

namespace perdure::format {

namespace {

constexpr std::uint32_t small_max = 0xffff'fffe;  // 0xffffffff says: see the zip64 field
constexpr std::uint16_t date_1980 = 1 << 5 | 1;   // the first day that zip knows
constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22;
constexpr std::size_t end64_bytes = 56, locator_bytes = 20;

struct Member {
    std::string name;
    std::uint64_t size = 0, offset = 0;
    std::uint32_t crc = 0;

    bool large() const { return size > small_max; }
    bool far() const { return offset > small_max; }
    std::size_t local_size() const { return local_bytes + name.size() + (large() ? 20 : 0); }
    std::size_t central_extra() const {
        std::size_t const fields = (large() ? 16 : 0) + (far() ? 8 : 0);
        return fields == 0 ? 0 : fields + 4;
    }
};

std::vector<Member> lay_out(std::vector<NpzArray> const& arrays) {
    std::vector<Member> members;
    std::uint64_t offset = 0;
    for (auto const& array : arrays) {
        Member member{array.name + ".npy", npy_header(array).size() + array.size_bytes(), offset};
        offset += member.local_size() + member.size;
        members.push_back(std::move(member));
    }
    return members;
}

void common_fields(Encoder& out, Member const& member, bool needs64) {
    out.u16(needs64 ? 45 : 20);  // version needed
    out.u16(0);                  // flags: the names are plain ASCII
    out.u16(0);                  // stored
    out.u16(0);
    out.u16(date_1980);
    out.u32(member.crc);
    auto const size = member.large() ? 0xffff'ffff : static_cast<std::uint32_t>(member.size);
    out.u32(size);
    out.u32(size);
    out.u16(static_cast<std::uint16_t>(member.name.size()));
}

Bytes local_header(Member const& member) {
    Encoder out;
    out.u32(0x04034b50);
    common_fields(out, member, member.large());
    out.u16(member.large() ? 20 : 0);
    out.raw(as_bytes(member.name));
    if (member.large()) {
        out.u16(1);
        out.u16(16);
        out.u64(member.size);
        out.u64(member.size);
    }
    return out.take();
}

Bytes central_header(Member const& member) {
    Encoder out;
    out.u32(0x02014b50);
    out.u16(3 << 8 | 45);  // made on Unix
    common_fields(out, member, member.central_extra() > 0);
    out.u16(static_cast<std::uint16_t>(member.central_extra()));
    out.u16(0);  // comment
    out.u16(0);  // disk
    out.u16(0);
    out.u32(0100644U << 16);
    out.u32(member.far() ? 0xffff'ffff : static_cast<std::uint32_t>(member.offset));
    out.raw(as_bytes(member.name));
    if (member.central_extra() > 0) {
        out.u16(1);
        out.u16(static_cast<std::uint16_t>(member.central_extra() - 4));
        if (member.large()) {
            out.u64(member.size);
            out.u64(member.size);
        }
        if (member.far()) out.u64(member.offset);
    }
    return out.take();
}

struct Directory {
    std::uint64_t offset = 0, size = 0, count = 0;
    bool needs64() const { return offset > small_max; }
};

Directory directory_of(std::vector<Member> const& members) {
    Directory directory{.count = members.size()};
    if (members.empty()) return directory;
    auto const& last = members.back();
    directory.offset = last.offset + last.local_size() + last.size;
    for (auto const& member : members) {
        directory.size += central_bytes + member.name.size() + member.central_extra();
    }
    return directory;
}

Bytes end_of_zip(Directory const& directory) {
    Encoder out;
    if (directory.needs64()) {
        out.u32(0x06064b50);
        out.u64(end64_bytes - 12);
        out.u16(3 << 8 | 45);
        out.u16(45);
        out.u32(0);
        out.u32(0);
        out.u64(directory.count);
        out.u64(directory.count);
        out.u64(directory.size);
        out.u64(directory.offset);
        out.u32(0x07064b50);
        out.u32(0);
        out.u64(directory.offset + directory.size);
        out.u32(1);
    }
    out.u32(0x06054b50);
    out.u16(0);
    out.u16(0);
    out.u16(static_cast<std::uint16_t>(directory.count));
    out.u16(static_cast<std::uint16_t>(directory.count));
    out.u32(static_cast<std::uint32_t>(directory.size));
    out.u32(directory.needs64() ? 0xffff'ffff : static_cast<std::uint32_t>(directory.offset));
    out.u16(0);
    return out.take();
}

Result<void> write_member(Output& out, Member& member, NpzArray const& array) {
    auto const header = npy_header(array);
    std::uint64_t fed = 0;
    member.crc = crc32_of(0, as_bytes(header));
    PD_CHECK(array.feed([&](ByteView bytes) -> Result<void> {
        member.crc = crc32_of(member.crc, bytes);
        fed += bytes.size();
        return {};
    }));
    if (fed != array.size_bytes()) {
        return fail(Fault::internal, fmt::format("array \"{}\" holds {} bytes, its shape asks {}",
                                                 array.name, fed, array.size_bytes()));
    }
    PD_CHECK(out.write(ByteView(local_header(member))));
    PD_CHECK(out.write(std::string_view(header)));
    return array.feed([&](ByteView bytes) { return out.write(bytes); });
}

}  // namespace

std::uint64_t NpzArray::size_bytes() const {
    std::uint64_t count = element_bytes;
    for (auto const length : shape) count *= length;
    return count;
}

std::string npy_header(NpzArray const& array) {
    std::string shape;
    for (auto const length : array.shape) shape += fmt::format("{}, ", length);
    if (array.shape.size() > 1) shape.resize(shape.size() - 2);
    if (array.shape.size() == 1) shape.resize(shape.size() - 1);  // (3,)
    auto text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                            array.descr, shape);
    constexpr std::size_t before = 10, alignment = 64;
    text.resize((before + text.size() + 1 + alignment - 1) / alignment * alignment - before - 1,
                ' ');
    text += '\n';
    std::string header("\x93NUMPY\x01\x00", 8);
    header += static_cast<char>(text.size() & 0xff);
    header += static_cast<char>(text.size() >> 8);
    return header + text;
}

std::uint64_t npz_size_bytes(std::vector<NpzArray> const& arrays) {
    auto const directory = directory_of(lay_out(arrays));
    return directory.offset + directory.size + end_bytes +
           (directory.needs64() ? end64_bytes + locator_bytes : 0);
}

Result<void> write_npz(Output& out, std::vector<NpzArray> const& arrays) {
    auto members = lay_out(arrays);
    for (std::size_t i = 0; i < members.size(); ++i) {
        PD_CHECK(write_member(out, members[i], arrays[i]));
    }
    for (auto const& member : members) PD_CHECK(out.write(ByteView(central_header(member))));
    return out.write(ByteView(end_of_zip(directory_of(members))));
}

}  // namespace perdure::format
