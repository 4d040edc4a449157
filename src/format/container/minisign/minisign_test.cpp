#include "format/container/minisign/minisign.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "system/file.h"

namespace perdure::format {
namespace {

crypto::Digest64 hash_of(std::string_view text) {
    crypto::Blake2b hash;
    hash.update(as_bytes(text));
    return hash.finish();
}

TEST(Minisign, ASignatureFitsItsFileItsKeyAndItsCommentOnly) {
    auto const key = MinisignKey::make(system::real_random());
    auto const other = MinisignKey::make(system::real_random());
    auto const text = minisign(key, hash_of("abc"), "perdure portable archive");
    auto const signature = MinisignSignature::parse(text);
    ASSERT_TRUE(signature);
    EXPECT_TRUE(signature->verify(key.open(), hash_of("abc")));
    EXPECT_EQ(signature->verify(key.open(), hash_of("abd")).error().fault(), Fault::corrupt);
    EXPECT_EQ(signature->verify(other.open(), hash_of("abc")).error().fault(), Fault::denied);
    auto forged = *signature;
    forged.trusted += "!";
    EXPECT_EQ(forged.verify(key.open(), hash_of("abc")).error().fault(), Fault::corrupt);
    EXPECT_EQ(minisign(key, hash_of("abc"), "perdure portable archive"), text);
}

TEST(Minisign, KeysComeBackFromTheirFiles) {
    auto const key = MinisignKey::make(system::real_random());
    auto const back = MinisignKey::parse(key.file(), {});
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->open(), key.open());
    EXPECT_EQ(*MinisignPublicKey::parse(key.open().line()), key.open());
    EXPECT_EQ(*MinisignPublicKey::parse(key.open().file()), key.open());
    for (std::string_view const bad : {"", "x", "untrusted comment: a\n", "RWQ=", "====\n"}) {
        EXPECT_FALSE(MinisignKey::parse(bad, {}));
        EXPECT_FALSE(MinisignPublicKey::parse(bad));
        EXPECT_FALSE(MinisignSignature::parse(bad));
    }
    auto file = key.file();
    file[file.size() - 60] = file[file.size() - 60] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(MinisignKey::parse(file, {}));
}

int shell(std::string const& command) {
    return std::system(command.c_str());  // NOLINT: a test's own words
}

class MinisignProgram : public testing::Test {
protected:
    void write(std::string const& name, std::string_view text) {
        ASSERT_TRUE(system::write_file(folder / name, as_bytes(text)));
    }
    std::string read(std::string const& name) {
        return to_string(ByteView(*system::read_file(folder / name, 100'000)));
    }
    system::ScratchFolder scratch = *system::ScratchFolder::create();
    system::Path folder = scratch.path();
    std::string in = "cd '" + folder.string() + "' && ";
};

TEST_F(MinisignProgram, VerifiesWhatWeSign) {
    ASSERT_EQ(shell("command -v minisign >/dev/null"), 0) << "minisign must be installed";
    auto const key = MinisignKey::make(system::real_random());
    write("file", "some text\n");
    write("key.pub", key.open().file());
    write("file.minisig", minisign(key, hash_of("some text\n"), "a comment of ours"));
    EXPECT_EQ(shell(in + "minisign -V -p key.pub -m file > said"), 0);
    EXPECT_NE(read("said").find("a comment of ours"), std::string::npos);
    EXPECT_EQ(shell(in + "minisign -V -P " + key.open().line() + " -m file >/dev/null"), 0);
    write("file", "some texT\n");
    EXPECT_NE(shell(in + "minisign -V -p key.pub -m file >/dev/null 2>&1"), 0);
    write("key.sec", key.file());
    EXPECT_EQ(shell(in + "minisign -S -s key.sec -m file >/dev/null 2>&1"), 0)
        << "minisign signs with a key of ours";
}

TEST_F(MinisignProgram, SignsWhatWeVerify) {
    ASSERT_EQ(shell(in + "minisign -G -W -p key.pub -s key.sec >/dev/null"), 0);
    write("file", "some text\n");
    auto const key = MinisignPublicKey::parse(read("key.pub"));
    ASSERT_TRUE(key);
    auto const secret = MinisignKey::parse(read("key.sec"), {});
    ASSERT_TRUE(secret) << secret.error().message();
    EXPECT_EQ(secret->open(), *key);
    ASSERT_EQ(shell(in + "minisign -S -s key.sec -m file -t trusted >/dev/null"), 0);
    auto signature = MinisignSignature::parse(read("file.minisig"));
    ASSERT_TRUE(signature);
    EXPECT_TRUE(signature->verify(*key, hash_of("some text\n")));
    EXPECT_EQ(signature->trusted, "trusted");
    ASSERT_EQ(shell(in + "minisign -S -l -s key.sec -m file >/dev/null"), 0);
    signature = MinisignSignature::parse(read("file.minisig"));
    ASSERT_TRUE(signature);
    EXPECT_FALSE(signature->prehashed);
    EXPECT_TRUE(signature->verify_legacy(*key, as_bytes("some text\n")));
    EXPECT_FALSE(signature->verify_legacy(*key, as_bytes("some texT\n")));
}

TEST_F(MinisignProgram, OpensAKeySealedByAPassphrase) {
    ASSERT_EQ(shell(in + "printf 'secret\\nsecret\\n' | minisign -G -p key.pub -s key.sec "
                         ">/dev/null 2>&1"),
              0);
    auto const file = read("key.sec");
    EXPECT_EQ(MinisignKey::parse(file, {}).error().fault(), Fault::denied);
    auto const key = MinisignKey::parse(file, as_bytes("secret"));
    ASSERT_TRUE(key) << key.error().message();
    EXPECT_EQ(key->open(), *MinisignPublicKey::parse(read("key.pub")));
}

}  // namespace
}  // namespace perdure::format
