// Checks receipts by others' libraries alone: notes and proofs of golang.org/x/mod, cosignatures as
// github.com/transparency-dev/formats reads them. It knows nothing of closeout but the form of its file.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type receipt struct {
	Head    string
	Entries []struct {
		Entry string
		Proof []string
	}
}

// main is called with the log's key, a JSON list of witnesses' keys, and files; it prints a word for each.
func main() {
	log, err := note.NewVerifier(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	var witnesses []note.Verifier
	var keys []string
	if err := json.Unmarshal([]byte(os.Args[2]), &keys); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	for _, each := range keys {
		witness, err := fnote.NewVerifierForCosignatureV1(each)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		witnesses = append(witnesses, witness)
	}
	for _, file := range os.Args[3:] {
		if err := check(file, log, witnesses); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println("believed")
		}
	}
}

func check(file string, log note.Verifier, witnesses []note.Verifier) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var read receipt
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	for _, witness := range witnesses {
		if _, err := note.Open([]byte(read.Head), note.VerifierList(witness)); err != nil {
			return err
		}
	}
	opened, err := note.Open([]byte(read.Head), note.VerifierList(log))
	if err != nil {
		return err
	}
	head, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return err
	}
	if head.Origin != log.Name() {
		return fmt.Errorf("of another log")
	}
	if len(read.Entries) == 0 {
		return fmt.Errorf("no entry")
	}
	for _, each := range read.Entries {
		var entry struct{ Seq int64 }
		if err := json.Unmarshal([]byte(each.Entry), &entry); err != nil {
			return err
		}
		var proof tlog.RecordProof
		for _, node := range each.Proof {
			raw, err := base64.StdEncoding.DecodeString(node)
			if err != nil || len(raw) != tlog.HashSize {
				return fmt.Errorf("no hash")
			}
			proof = append(proof, tlog.Hash(raw))
		}
		if err := tlog.CheckRecord(proof, head.N, head.Hash, entry.Seq, tlog.RecordHash([]byte(each.Entry))); err != nil {
			return err
		}
	}
	return nil
}
