package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const version = `[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?`

var (
	versionPattern = regexp.MustCompile(`^` + version + `$`)
	archivePattern = regexp.MustCompile(`^` + project + `_(` + version + `)_([a-z0-9]+)_([a-z0-9]+)\.zip$`)
	sumsPattern    = regexp.MustCompile(`^` + project + `_(` + version + `)_SHA256SUMS$`)
	sumPattern     = regexp.MustCompile(`^([0-9a-f]{64})  (\S+)$`)
)

// release is a release in a folder.
type release struct {
	dir, version string
	// archives are the paths of the archives by platform.
	archives map[platform]string
	// manifest is the path of the manifest.
	manifest string
}

// verify checks that dir contains a release for exactly these platforms, as the registries require. It returns the version, and an error
// that names every fault. root is the folder of the source.
func verify(ctx context.Context, root, dir string, platforms []platform) (string, error) {
	r, err := find(dir, root)
	if err != nil {
		return "", err
	}
	errs := []error{r.checkPlatforms(platforms), r.checkSums(), r.checkSignature()}
	protocols, err := readManifest(r.manifest)
	errs = append(errs, err)
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	errs = append(errs, err)
	for p, path := range r.archives {
		if err := checkArchive(ctx, path, p, r.version, license, protocols); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", filepath.Base(path), err))
		}
	}
	return r.version, errors.Join(errs...)
}

// find returns the release in dir, which may contain other files, but no second release.
func find(dir, root string) (release, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return release{}, err
	}
	r := release{dir: dir, archives: map[platform]string{}}
	for _, entry := range entries {
		if match := sumsPattern.FindStringSubmatch(entry.Name()); match != nil {
			if r.version != "" {
				return release{}, fmt.Errorf("%s holds both %s and %s", dir, r.version, match[1])
			}
			r.version = match[1]
		}
	}
	if r.version == "" {
		return release{}, fmt.Errorf("%s holds no %s", dir, sumsName("VERSION"))
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".zip" {
			continue
		}
		match := archivePattern.FindStringSubmatch(entry.Name())
		if match == nil || match[1] != r.version {
			return release{}, fmt.Errorf("%s is not an archive of %s: want %s", entry.Name(), r.version, platform{"OS", "ARCH"}.archive(r.version))
		}
		r.archives[platform{match[2], match[3]}] = filepath.Join(dir, entry.Name())
	}
	// GoReleaser publishes the manifest from the root of the source.
	r.manifest = filepath.Join(dir, manifestName(r.version))
	if _, err := os.Stat(r.manifest); errors.Is(err, os.ErrNotExist) {
		r.manifest = filepath.Join(root, manifestFile)
	}
	return r, nil
}

func (r release) checkPlatforms(want []platform) error {
	var errs []error
	for _, p := range want {
		if _, ok := r.archives[p]; !ok {
			errs = append(errs, fmt.Errorf("no archive for %s", p))
		}
	}
	for p := range r.archives {
		if !slices.Contains(want, p) {
			errs = append(errs, fmt.Errorf("an archive for %s, for which no release is built", p))
		}
	}
	return errors.Join(errs...)
}

// checkSums checks the checksums: those of the archives and the manifest, and no others.
func (r release) checkSums() error {
	text, err := os.ReadFile(filepath.Join(r.dir, sumsName(r.version)))
	if err != nil {
		return err
	}
	files := map[string]string{manifestName(r.version): r.manifest}
	for _, path := range r.archives {
		files[filepath.Base(path)] = path
	}
	var errs []error
	for line := range strings.Lines(string(text)) {
		match := sumPattern.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil {
			errs = append(errs, fmt.Errorf("%q is not a checksum", line))
			continue
		}
		sum, name := match[1], match[2]
		path, ok := files[name]
		if !ok {
			errs = append(errs, fmt.Errorf("a checksum of %s, which is neither an archive nor the manifest, or occurs twice", name))
			continue
		}
		delete(files, name)
		content, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, err)
		} else if fmt.Sprintf("%x", sha256.Sum256(content)) != sum {
			errs = append(errs, fmt.Errorf("%s does not match its checksum", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		errs = append(errs, fmt.Errorf("no checksum of %s", name))
	}
	return errors.Join(errs...)
}

// readManifest returns the versions of the plugin protocol that the manifest names, such as "6.0".
func readManifest(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Version  int `json:"version"`
		Metadata struct {
			ProtocolVersions []string `json:"protocol_versions"`
		} `json:"metadata"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if manifest.Version != 1 {
		return nil, fmt.Errorf("manifest: version %d, want 1", manifest.Version)
	}
	if !slices.Equal(manifest.Metadata.ProtocolVersions, []string{"6.0"}) {
		return nil, fmt.Errorf("manifest: protocol versions %q, want only 6.0", manifest.Metadata.ProtocolVersions)
	}
	return manifest.Metadata.ProtocolVersions, nil
}
